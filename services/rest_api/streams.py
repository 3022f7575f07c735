"""Answers that are sent while they are made.

What was begun with 200 cannot become a failure, so a stream that fails is cut: nothing more is sent and the last chunk
(https://www.rfc-editor.org/rfc/rfc9112#section-7.1) never comes, which tells every reader that this was not all. Over
HTTP/1.1 the server then closes the connection. HTTP/1.0 knows no last chunk, so nothing is streamed over it.

A reader sets the pace: the next piece is made when the one before it is on its way. One that takes nothing for
STALL_SECONDS is cut off, so that it cannot keep others waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

STALL_SECONDS: Final = 60.0

type Send = Callable[[Any], Awaitable[None]]


class StreamCut(Exception):
    """An answer that was begun is not finished. Who raises it has told the log why."""


def bounded(send: Send, stall_seconds: float) -> Send:
    """`send`, with a bound on how long a reader may take. Raises StreamCut."""

    async def bounded_send(message: Any) -> None:
        try:
            async with asyncio.timeout(stall_seconds):
                await send(message)
        except TimeoutError:
            raise StreamCut(f"nothing was taken for {stall_seconds:g} s") from None

    return bounded_send

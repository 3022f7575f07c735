"""Tasks that last as long as their owner wants, whatever goes wrong in them.

    self._watching = lasting(self._watch, "redis-link")  # a task like any other: cancelled and awaited by its owner

An error that nobody foresaw ends a task, and from then on nothing is renewed, watched or shipped, without a word. Here
it is logged as an ERROR, told to whoever listens (`breaks_told_to`), and the work is begun anew after a pause that
grows while it keeps breaking. So it must be work that can be begun anew wherever it broke: what it has in hand belongs
to its owner and not to the task. Work that comes to its end ends the task.

Like the log, who listens is the process's: tasks are begun in code that is handed nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from services.telemetry import get_logger

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
WELL_AFTER_SECONDS: Final = 60.0
"""Who ran so long before it broke begins with the first pause again."""

BROKE: Final = "a background task broke and is begun anew"
BROKE_AT_ITS_END: Final = "a background task broke while it was stopped"

type Listener = Callable[[str], None]

log = get_logger(__name__)


class _Switch:
    """Who is told the names of tasks that broke."""

    listener: Listener | None = None


def lasting(work: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
    """A task that does `work`, and begins it anew whenever it breaks."""
    return asyncio.create_task(_again_and_again(work, name), name=name)


@contextmanager
def breaks_told_to(listener: Listener) -> Iterator[None]:
    """Has `listener` called with the name of each task that breaks, for the length of the block."""
    before, _Switch.listener = _Switch.listener, listener
    try:
        yield
    finally:
        _Switch.listener = before


async def _again_and_again(work: Callable[[], Awaitable[None]], name: str) -> None:
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        began = time.monotonic()
        try:
            return await work()
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            log.exception(BROKE, task=name)  # something that it waited for was cancelled
        except Exception:
            if _is_cancelled():  # its owner waits for the end
                log.exception(BROKE_AT_ITS_END, task=name)
                raise asyncio.CancelledError from None
            log.exception(BROKE, task=name)
        if _Switch.listener is not None:
            _Switch.listener(name)
        if time.monotonic() - began >= WELL_AFTER_SECONDS:
            pause_seconds = FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)


def _is_cancelled() -> bool:
    """Whether somebody cancelled this task, and not what it awaited."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0

"""A thread for calls that wait for a disk.

It is a daemon: a call that never returns must not keep the process alive. (The threads of `concurrent.futures` would:
the interpreter waits for them at its end.)
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from services.budget import Budget


class DiskThread:
    """Runs calls one after the other, for the event loop it is made on. Its owner calls `close`."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._has_ended = asyncio.Event()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    async def run[T](self, call: Callable[[], T]) -> T:
        """Runs `call` on the thread. Raises what it raises; once cancelled, the call is made nevertheless."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((call, future))
        return cast("T", await future)

    async def close(self, budget: Budget) -> None:
        """Ends the thread after what was asked of it, or leaves it behind when the time is up."""
        self._calls.put(None)
        with suppress(TimeoutError):
            async with budget.within():
                await self._has_ended.wait()

    def _serve(self) -> None:
        while (asked := self._calls.get()) is not None:
            call, future = asked
            try:
                result = call()
            except BaseException as exc:  # noqa: BLE001 -- it belongs to who waits; the thread must go on
                self._on_loop(_settle, future, None, exc)
            else:
                self._on_loop(_settle, future, result, None)
        self._on_loop(self._has_ended.set)

    def _on_loop(self, callback: Callable[..., None], *values: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback, *values)


def _settle(future: asyncio.Future[Any], result: object, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)

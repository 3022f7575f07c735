"""How long a program's event loop was held up by its own doing: it ran, waited for the disk, a lock or another thread.

What it waited for a processor is taken off, as Linux counts it for every thread: another program's load is not its
doing. https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
"""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TextIO

PAUSE_SECONDS = 0.005
WORTH_NOTING_SECONDS = 0.01
WAITED_FOR_PROCESSOR = Path("/proc/thread-self/schedstat")


def watch_into(path: Path) -> None:
    """Has the loop of this program watched: a line for every time it was held up says when, and for how long."""
    run = asyncio.Runner.run

    def watched_run(runner: asyncio.Runner, coro: Coroutine[Any, Any, Any], **settings: Any) -> Any:
        return run(runner, _watched(coro, path), **settings)

    asyncio.Runner.run = watched_run  # type: ignore[method-assign, assignment]  # the program is not to know


def longest_ms(path: Path, since: float, until: float) -> float:
    """The longest time the loop was held up by its own doing between the two (monotonic) times, milliseconds."""
    noted = (line.split() for line in path.read_text().splitlines())
    return max((round(float(seconds) * 1000, 1) for at, seconds in noted if since <= float(at) < until), default=0.0)


async def _watched[T](coro: Coroutine[Any, Any, T], path: Path) -> T:
    with path.open("a", buffering=1) as file:
        watching = asyncio.create_task(_watch(file))
        try:
            return await coro
        finally:
            watching.cancel()
            await asyncio.wait((watching,))


async def _watch(file: TextIO) -> None:
    now, waited = time.monotonic(), _waited_seconds()
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        before, waited_before = now, waited
        now, waited = time.monotonic(), _waited_seconds()
        held_seconds = now - before - PAUSE_SECONDS - (waited - waited_before)
        if held_seconds >= WORTH_NOTING_SECONDS:
            file.write(f"{now:.3f} {held_seconds:.4f}\n")


def _waited_seconds() -> float:
    """What this thread has waited for a processor so far."""
    return int(WAITED_FOR_PROCESSOR.read_text().split()[1]) / 1e9

"""The module with metrics that count for a while, then do not, and so on: `python -m bench.switched` serves.

Blocks come in the order on, off, off, on, so that neither half has the better places, and then two in which counting
itself is timed. What each block used and finished goes to the file that BENCH_BLOCKS names, at the end. There is no
such switch in the module: an operator has no use for it. All blocks go through the same wrapper; what differs is what
it calls.
"""

import asyncio
import json
import operator
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import app
from services.lifecycle import build
from services.lifecycle.watches import loop_lag_measured
from services.telemetry import Metrics

BLOCKS_VARIABLE: Final = "BENCH_BLOCKS"
BLOCK_SECONDS: Final = 0.3
ON, OFF, TIMED = "on", "off", "timed"
ORDER: Final = (ON, OFF, OFF, ON, TIMED, TIMED)
COUNTING: Final = (
    "action_finished",
    "rejected_request",
    "auth_failed",
    "replayed",
    "discord_reply",
    "retried",
    "rate_limited",
    "limit_waited",
    "limit_refused",
    "limit_paused",
    "audit_written",
    "audit_failed",
    "loop_lagged",
)


@dataclass(slots=True)
class Block:
    """A third of a second, in seconds of CPU and actions that ended. `timed_seconds`: what `timed_calls` took."""

    kind: str
    loop_seconds: float
    process_seconds: float
    finished: int
    timed_seconds: float
    timed_calls: int


class Switch:
    """What metrics do just now, and what happened since the start."""

    def __init__(self) -> None:
        self.kind = ON
        self._finished = 0
        self._timed_seconds = 0.0
        self._timed_calls = 0

    def wrapped(self, name: str) -> Callable[..., None]:
        real = getattr(Metrics, name)
        is_end = name == "action_finished"

        def counted(metrics: Metrics, *args: Any, **named: Any) -> None:
            self._finished += is_end
            if self.kind == ON:
                real(metrics, *args, **named)
            elif self.kind == TIMED:
                began = time.thread_time()
                real(metrics, *args, **named)
                self._timed_seconds += time.thread_time() - began
                self._timed_calls += 1

        return counted

    async def alternate(self, blocks: list[Block]) -> None:
        """Switches for ever and notes each block."""
        for self.kind in cycle(ORDER):
            before = self._seen()
            await asyncio.sleep(BLOCK_SECONDS)
            loop, process, finished, timed, calls = map(operator.sub, self._seen(), before)
            blocks.append(Block(self.kind, loop, process, int(finished), timed, int(calls)))

    def _seen(self) -> tuple[float, ...]:
        return time.thread_time(), time.process_time(), self._finished, self._timed_seconds, self._timed_calls


def main() -> int:
    """Serves, and counts by turns."""
    switch = Switch()
    for name in COUNTING:
        setattr(Metrics, name, switch.wrapped(name))

    @asynccontextmanager
    async def switched(metrics: Metrics) -> AsyncIterator[None]:
        blocks: list[Block] = []
        alternating = asyncio.create_task(switch.alternate(blocks))
        async with loop_lag_measured(metrics):
            yield
        alternating.cancel()
        written = json.dumps([asdict(block) for block in blocks])
        await asyncio.to_thread(Path(os.environ[BLOCKS_VARIABLE]).write_text, written)

    setattr(build, "loop_lag_measured", switched)  # noqa: B010  # the type checker sees no such swap
    return app.main([])


if __name__ == "__main__":
    sys.exit(main())

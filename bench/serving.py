"""How a program of a measurement runs: its port as the first line of its output, until SIGTERM.

It runs on uvloop, as the module does, unless the variable BENCH_LOOP says `asyncio`: the floors can be had on either.
"""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Final

import uvloop

LOOP_VARIABLE: Final = "BENCH_LOOP"
UVLOOP: Final = "uvloop"
ASYNCIO: Final = "asyncio"


def run(main: Coroutine[None, None, None]) -> None:
    """Runs `main` on the loop that was asked for."""
    is_plain = os.environ.get(LOOP_VARIABLE) == ASYNCIO
    with asyncio.Runner(loop_factory=None if is_plain else uvloop.new_event_loop) as runner:
        runner.run(main)


def announce(port: int) -> None:
    """Tells whoever started this where it listens."""
    print(port, flush=True)


def termination() -> asyncio.Event:
    """An event that SIGTERM sets."""
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    return terminated

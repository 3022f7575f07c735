"""The real program as the fuzzers meet it: no limits in its way, and its memory under watch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from sandbox import Options, Sandbox
from tests.support.module import environment
from tests.support.process import Program, serving_program, status_of

UNLIMITED: Final = "1000000"
PATIENCE: Final = "200"
"""Seconds. What is in nobody's way on a slow machine either: what others pass waits for all of them."""
PAGE_BYTES: Final = 4096
MOST_GROWTH_MIB: Final = 32.0
"""Caches, each of them bounded, still fill after the first quarter of a run."""

PROMISE: Final = "no 5xx, INTERNAL or UNKNOWN of our own, memory flat"


@asynccontextmanager
async def fuzzed_program(folder: Path) -> AsyncIterator[Program]:
    """The program, serving. At the end it must still serve, and must not have failed of its own."""
    options = Options(limits_enabled=False, invalid_request_limit=10**9, messages_per_channel=100)
    limits = {"DISCORD_RATE_LIMIT_GLOBAL": UNLIMITED, "DISCORD_RATE_LIMIT_PER_CHANNEL": UNLIMITED}
    async with Sandbox.serving(options) as sandbox:
        variables = environment(sandbox, f"sqlite:///{folder / 'actions.db'}", REQUEST_TIMEOUT=PATIENCE, **limits)
        async with serving_program(variables) as started:
            yield started
            assert await status_of(f"{started.rest_url}/health") == 200
            assert await status_of(f"{started.rest_url}/health/ready") == 200
            assert [line for line in started.lines if line.get("level") == "ERROR"] == []
            assert started.errors == []


def resident_mib(started: Program) -> float:
    """The memory the process holds."""
    pages = int(Path(f"/proc/{started.process.pid}/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 2**20

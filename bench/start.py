"""From the start of the process to /health/ready 200, and the memory it holds then, with nothing else running."""

import time
from pathlib import Path
from statistics import median
from typing import Final

from bench.databases import Database
from bench.figures import Figure, Report
from bench.module import running_module
from tests.support.programs import free_port

STARTS: Final = 3
IDLE_SECONDS: Final = 1.0


def measure(database: Database, folder: Path) -> Report:
    """The first start creates the table; the others find it. Raises Broken."""
    seconds: list[float] = []
    mebibytes: list[float] = []
    for _ in range(STARTS):
        # Nobody listens at the upstream's port: starting needs no Discord.
        with running_module(database, free_port(), folder) as module:
            seconds.append(module.start_seconds)
            time.sleep(IDLE_SECONDS)
            mebibytes.append(module.program.resident_mib())
    figures = [
        Figure("start to ready", median(seconds), "s", "≤ 2 s"),
        Figure("memory, idle", median(mebibytes), "MiB", "≤ 130 MiB"),
    ]
    return Report(figures, [], {"start": {"seconds": seconds, "mebibytes": mebibytes}})

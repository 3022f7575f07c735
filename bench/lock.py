"""Whether the module stays alive while its table is locked: /health/live under moderate load for four seconds.

Probes leave on a schedule, whether or not the last one was answered, so a stall cannot hide.
"""

import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.databases import Database
from bench.figures import Figure, Report
from bench.load import Result
from bench.module import Module, running_module
from bench.programs import Load, Program

LOCK_SECONDS: Final = 4.0
LOAD_SECONDS: Final = 3.0
SETTLE_SECONDS: Final = 0.3
ACTIONS_PER_SECOND: Final = "200"
PROBES_PER_SECOND: Final = "100"
LIMIT_SECONDS: Final = 40.0


def measure(database: Database, folder: Path) -> Report:
    """Raises Broken, also when what was done while the table was locked does not reach it afterwards."""
    with ExitStack() as stack:
        upstream = stack.enter_context(Program("upstream", ["-m", "bench.upstream"], folder / "upstream.log"))
        module = stack.enter_context(running_module(database, upstream.read_port().port, folder))
        before = database.rows()
        probes, actions, locked_seconds = _while_locked(database, module)
        module.wait_for_rows(before + actions.total)
    figure = Figure(f"/health/live p99, table locked for {LOCK_SECONDS:.0f} s", probes.p99_ms, "ms", "< 100 ms")
    remark = (
        f"Table locked: for {locked_seconds:.1f} s; {actions.total} actions answered ({actions.failed} failed, "
        f"p99 {actions.p99_ms:.0f} ms), all in the table afterwards; slowest probe {probes.max_ms:.0f} ms."
    )
    return Report([figure], [remark], {"lock": {"probes": asdict(probes), "actions": asdict(actions)}})


def _while_locked(database: Database, module: Module) -> tuple[Result, Result, float]:
    """Holds the lock until both loads are over, and at least LOCK_SECONDS."""
    times = ("--seconds", str(LOAD_SECONDS), "--warm-up", str(SETTLE_SECONDS))
    database.lock()
    began = time.monotonic()
    loads = [
        Load("http", f"{module.rest_url}/health/live", "--rate", PROBES_PER_SECOND, *times),
        Load("grpc", module.grpc_target, "--token", module.token, "--rate", ACTIONS_PER_SECOND, *times),
    ]
    try:
        probes, actions = [load.result(LIMIT_SECONDS) for load in loads]
        time.sleep(max(began + LOCK_SECONDS - time.monotonic(), 0))
        return probes, actions, time.monotonic() - began
    finally:
        for load in loads:
            load.kill()
        database.unlock()

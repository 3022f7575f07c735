"""What an operator plans for: `python -m bench.sizes`, on PostgreSQL.

Memory at rest, with rows that wait for a database that is away, and with actions that wait for Discord's limits, beside
a bare server that holds as many calls; bytes of the journal, of the table with its indexes and of the log for each
action, beside the values of its row as text, which is what there is to keep.
"""

import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import wire
from bench.databases import Database, running_database
from bench.figures import Figure, Report
from bench.module import Module, running_module
from bench.programs import Broken, Load, Program
from services.audit.journal.segment import SUFFIX

WAITING_ROWS: Final = 10_000
WAITING_ACTIONS: Final = 1_000
LOAD_SECONDS: Final = 3.0
MARGIN_SECONDS: Final = 60.0
MOST_LOADS: Final = 20
SETTLE_SECONDS: Final = 1.0
WAITING_SECONDS: Final = 6.0
# Slow enough that nearly all of them wait, fast enough that the last one's turn comes within its deadline.
SLOW: Final = {"DISCORD_RATE_LIMIT_GLOBAL": "60", "SHUTDOWN_GRACE": "1"}
TABLE_BYTES: Final = "SELECT pg_total_relation_size('discord_actions')"
ROW_TEXT_BYTES: Final = "SELECT avg(octet_length(t::text)) FROM discord_actions t"


def measure(database: Database, folder: Path) -> Report:
    """Raises Broken, also where the database is none whose tables can be measured."""
    if database.name != "PostgreSQL":
        raise Broken("sizes are measured on PostgreSQL")
    with ExitStack() as stack:
        upstream = stack.enter_context(Program("upstream", ["-m", "bench.upstream"], folder / "upstream.log"))
        port = upstream.read_port().port
        report = _with_rows_that_wait(database, port, folder)
        report.figures += _memory_of_actions_that_wait(database, port, folder)
    report.remarks.append("Sizes: floor of bytes: the row as text; of waiting actions: calls a bare gRPC server holds.")
    return report


def _with_rows_that_wait(database: Database, upstream_port: int, folder: Path) -> Report:
    """Memory, journal and log while the table cannot be written, and the table after it."""
    with running_module(database, upstream_port, folder) as module:
        database.lock()
        try:
            waiting = _send_until_rows_wait(module)
            full_mib, journal_bytes = module.program.resident_mib(), _written_bytes(folder / "journal")
        finally:
            database.unlock()
        sent = int(_shown(module, "actions_total{"))
        module.wait_for_rows(sent)
        time.sleep(SETTLE_SECONDS)
        idle_mib, log_bytes = module.program.resident_mib(), (folder / "module.log").stat().st_size
    memory = [
        Figure("memory, idle after load", idle_mib, "MiB", "–"),
        Figure("memory, 10\u202f000 rows waiting for the database", full_mib, "MiB", "–"),
    ]
    remark = f"Sizes: {waiting:.0f} rows waited; a message of {len(wire.CONTENT)} characters over gRPC."
    return Report([*memory, *_of_an_action(database, journal_bytes / waiting, log_bytes / sent)], [remark])


def _of_an_action(database: Database, journal_bytes: float, log_bytes: float) -> list[Figure]:
    floor = database.number(ROW_TEXT_BYTES)
    measured = {
        "journal per action, database away": journal_bytes,
        "table per action, with its indexes": database.number(TABLE_BYTES) / database.rows(),
        "log per action, level INFO": log_bytes,
    }
    return [Figure(what, each, "bytes", "–", floor=floor, ratio=each / floor) for what, each in measured.items()]


def _written_bytes(journal: Path) -> int:
    """What was written of the files, which are allocated ahead: up to the zeros at their end."""
    return sum(len(file.read_bytes().rstrip(b"\0")) for file in journal.rglob(f"*{SUFFIX}"))


def _send_until_rows_wait(module: Module) -> float:
    """How many rows wait then. Raises Broken when they are not enough after many loads."""
    for _ in range(MOST_LOADS):
        if (waiting := _shown(module, "audit_queue_rows ")) >= WAITING_ROWS:
            return waiting
        _send(module, in_flight=64)
    raise module.program.broken("lets rows wait, but not enough of them")


def _memory_of_actions_that_wait(database: Database, upstream_port: int, folder: Path) -> list[Figure]:
    with Program("bare server", ["-m", "bench.echo_grpc", "--hold"], folder / "hold.log") as bare:
        held = ("grpc", f"127.0.0.1:{bare.read_port().port}")
        floor = 1_000 * _mib_each(bare, held, lambda: float(WAITING_ACTIONS))
    figures = []
    for title in ("gRPC", "REST"):
        with running_module(database, upstream_port, folder, changed=SLOW) as module:
            _send(module, in_flight=16)
            over_rest = ["http", f"{module.rest_url}/api/v1/message", "--body", "rest"]
            target = ["grpc", module.grpc_target] if title == "gRPC" else over_rest
            waiting = partial(_shown, module, "limit_waiting ")
            grown = 1_000 * _mib_each(module.program, [*target, "--token", module.token], waiting)
        what = f"memory per 1\u202f000 actions waiting for limits, {title}"
        figures.append(Figure(what, grown, "MiB", "–", floor=floor, ratio=grown / floor))
    return figures


def _mib_each(program: Program, target: Sequence[str], waiting: Callable[[], float]) -> float:
    """What a call that waits takes, of a thousand. Raises Broken when too few of them wait."""
    before_mib = program.resident_mib()
    kind, address, *options = target
    load = Load(kind, address, *options, "--in-flight", str(WAITING_ACTIONS), "--seconds", "20", "--warm-up", "0")
    try:
        time.sleep(WAITING_SECONDS)
        if (number := waiting()) < WAITING_ACTIONS / 2:
            raise program.broken(f"lets only {number:.0f} calls wait")
        return (program.resident_mib() - before_mib) / number
    finally:
        load.kill()


def _send(module: Module, in_flight: int) -> None:
    options = ("--seconds", str(LOAD_SECONDS), "--warm-up", "0", "--in-flight", str(in_flight))
    Load("grpc", module.grpc_target, "--token", module.token, *options).result(LOAD_SECONDS + MARGIN_SECONDS)
    time.sleep(SETTLE_SECONDS)


def _shown(module: Module, series: str) -> float:
    """The sum of the series whose names begin so."""
    with urllib.request.urlopen(f"{module.rest_url}/metrics", timeout=MARGIN_SECONDS) as page:  # noqa: S310 -- ours
        lines = page.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"discord_action_{series}"))


def main() -> int:
    """Measures and prints."""
    with running_database("postgresql") as database, TemporaryDirectory(prefix="bench-") as folder:
        print(measure(database, Path(folder)).as_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench`: measures, and prints each figure beside its floor. It never judges: exit code 1 means it broke."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import auth, lock, sizes, start, telemetry, throughput
from bench.databases import Database, running_database
from bench.figures import Report
from bench.programs import Broken
from bench.serving import ASYNCIO, UVLOOP

NAMES: Final = ("start", "grpc", "rest", "lock", "auth", "sizes", "telemetry")
EXIT_BROKEN: Final = 1


def main() -> int:
    """Exit code 0 when everything asked for was measured, 1 when something broke, 2 for a bad command line."""
    asked = _arguments()
    report, broken = Report(), 0
    with running_database(asked.database) as database, TemporaryDirectory(prefix="bench-") as folder:
        report.remarks.append(f"Database: {database.name}.")
        for title, measure in _measurements(asked, database, Path(folder)):
            print(f"{title} …", flush=True)
            try:
                report.add(measure())
            except Broken as exc:
                broken += 1
                print(f"bench: {title}: {exc}", file=sys.stderr)
    _publish(report, asked)
    return EXIT_BROKEN if broken else 0


def _measurements(
    asked: argparse.Namespace, database: Database, folder: Path
) -> list[tuple[str, Callable[[], Report]]]:
    names = asked.only or NAMES
    protocols = [name for name in names if name in throughput.TITLE]
    chosen: list[tuple[str, Callable[[], Report]]] = []
    if "start" in names:
        chosen.append(("starting", lambda: start.measure(database, folder)))
    if protocols:
        title, how = f"throughput: {' and '.join(protocols)}", throughput.Asked(asked.seconds, asked.floor_loop)
        chosen.append((title, lambda: throughput.measure(database, folder, protocols, how)))
    if "lock" in names:
        chosen.append(("locking the table", lambda: lock.measure(database, folder)))
    if "auth" in names:
        chosen.append(("letting callers in", auth.measure))
    if "sizes" in names:
        chosen.append(("sizes", lambda: sizes.measure(database, folder)))
    if "telemetry" in names:
        chosen.append(("what metrics cost", lambda: telemetry.measure(database, folder)))
    return chosen


def _publish(report: Report, asked: argparse.Namespace) -> None:
    print(f"\n{report.as_text()}")
    if asked.json:
        asked.json.write_text(report.as_json())
    if asked.write:
        asked.write.parent.mkdir(parents=True, exist_ok=True)
        asked.write.write_text(report.as_markdown())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the module beside its floors.")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each single throughput run takes (3)")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--floor-loop", choices=(UVLOOP, ASYNCIO), default=UVLOOP, help="event loop of the floors")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON, too")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as Markdown, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

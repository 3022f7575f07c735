"""What the record costs the event loop: `python -m bench.record`.

CPU of the loop's thread for the three records of one action (intent, attempt, outcome), redaction and the writes to the
journal included, beside a bare write of as many bytes three times.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from services.audit.journal import Journal
from services.errors import OutcomeKind
from services.ports import Verdict
from services.redaction import Redactor
from tests.support.record import entry

ACTIONS = 5_000
BYTES_PER_RECORD = 300
VERDICT = Verdict(OutcomeKind.DELIVERED, discord_status=200, attempts=1, response_data={"message_id": "1"})


def main() -> None:
    """Measures and prints."""
    with TemporaryDirectory() as folder:
        journal = asyncio.run(_journal_seconds(Path(folder) / "journal"))
        floor = _floor_seconds(Path(folder) / "floor")
    print(f"journal: {journal * 1e6:.1f} µs CPU per action; three bare writes: {floor * 1e6:.1f} µs")


async def _journal_seconds(folder: Path) -> float:
    journal = Journal(folder, Redactor())
    await journal.start()
    entries = [entry() for _ in range(ACTIONS)]

    def write_all() -> None:
        for one in entries:
            journal.begin(one)
            journal.attempt(one)
            journal.end(one, VERDICT)

    each = _cpu_seconds(write_all) / ACTIONS
    await journal.close()
    return each


def _floor_seconds(file: Path) -> float:
    record = b"x" * BYTES_PER_RECORD
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)

    def write_all() -> None:
        for _ in range(3 * ACTIONS):
            os.write(descriptor, record)

    try:
        return _cpu_seconds(write_all) / ACTIONS
    finally:
        os.close(descriptor)


def _cpu_seconds(work: Callable[[], None]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


if __name__ == "__main__":
    main()

"""Rows the database refuses, on disk with the reason: they are not in the table, and must not be gone either.

One file of JSON lines in JOURNAL_DIR, for every process that writes there. A row is on the device before the journal
lets go of it. The file takes MOST_BYTES; what comes then is in the log alone, like every refused row is anyway. Whoever
has looked into it moves it away, and a new one is begun. `app.py audit refused` lists it.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from services.audit.journal.disk import ALLOWED, reason_of
from services.audit.journal.store import Store
from services.telemetry import get_logger

FILE: Final = "refused.ndjson"
MOST_BYTES: Final = 32 * 1024 * 1024
KEEP_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 30.0

log = get_logger(__name__)


class RefusedRow(NamedTuple):
    """A row the database would not take, as the JSON object it was sent as."""

    action_id: str
    reason: str
    row: bytes


class RefusedRows:
    """The file as the process that ships has it. Its owner runs `run` as a task and cancels it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.root / FILE
        self.count = 0

    @property
    def detail(self) -> str:
        """What an operator should know; empty while there is nothing in the file."""
        return f"{self.count} rows were refused by the database: see `app.py audit refused`" if self.count else ""

    async def run(self) -> None:
        """Counts what is in the file now and again, for ever: others write to it, and somebody may move it away."""
        while True:
            with suppress(OSError):
                self.count = await self._store.thread.run(partial(_count, self._path))
            await asyncio.sleep(LOOK_SECONDS)

    async def keep(self, refused: RefusedRow) -> None:
        """Writes a row down. Never raises: the log has it too."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = b'{"refused_at":"%b","reason":%b,"row":%b}\n' % (now.encode(), orjson.dumps(refused.reason), refused.row)
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                await self._store.thread.run(partial(_append, self._path, line))
        except OSError as exc:  # also TimeoutError, of a disk that hangs
            path, reason = str(self._path), reason_of(exc)
            log.error("a refused row is in the log alone", path=path, reason=reason)  # noqa: TRY400 -- said
            return
        self.count += 1


def refused_rows(root: Path) -> Iterator[dict[str, Any]]:
    """What the file under `root` holds, oldest first, each action once. Raises OSError unless there is no file."""
    seen: set[str] = set()
    with suppress(FileNotFoundError), (root / FILE).open("rb") as file:
        for line in file:
            with suppress(orjson.JSONDecodeError, KeyError, TypeError):  # a line that was cut off says nothing
                kept = orjson.loads(line)
                action_id = kept["row"]["action_id"]
                if action_id not in seen:
                    seen.add(action_id)
                    yield kept


# ── on the thread ──


def _count(path: Path) -> int:
    return sum(1 for _ in refused_rows(path.parent))


def _append(path: Path, line: bytes) -> None:
    """Raises OSError, also when there is no room in the file."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, ALLOWED)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes + len(line) > MOST_BYTES:
            raise OSError("the file of refused rows is full")
        if size_bytes and os.pread(descriptor, 1, size_bytes - 1) != b"\n":
            line = b"\n" + line  # whoever wrote last was cut off
        written = os.write(descriptor, line)
        while written < len(line):
            written += os.write(descriptor, line[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Entries and verdicts for tests of the record, and what is needed to watch it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from config import Secret
from services.audit import AuditReader, AuditWriter, Journal
from services.database import Database, Session
from services.errors import OutcomeKind
from services.ports import AuditEntry, Verdict
from services.redaction import Redactor

DELIVERED = Verdict(
    OutcomeKind.DELIVERED, discord_status=200, attempts=1, duration_ms=12, response_data={"message_id": "9"}
)
REJECTED = Verdict(
    OutcomeKind.REJECTED,
    error_code="discord_unknown_channel",
    error_message="Discord knows no such channel.",
    discord_status=404,
    attempts=1,
    duration_ms=7,
)

_ENTRY = AuditEntry(
    action_id="",
    action_type="send_message",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    client_id="router",
    protocol="grpc",
    request_id="request-1",
    idempotency_key=None,
    guild_id=None,
    channel_id="123",
    user_id=None,
    request_data={"channel_id": "123", "content": "hello"},
)


def entry(**fields: Any) -> AuditEntry:
    """An entry with an id and a time of its own."""
    given: dict[str, Any] = {"action_id": str(uuid4()), "created_at": datetime.now(UTC)} | fields
    return replace(_ENTRY, **given)


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is open."""

    database: Database
    writer: AuditWriter
    reader: AuditReader

    async def put(self, one: AuditEntry, verdict: Verdict = DELIVERED) -> None:
        """Begins and ends an entry."""
        await self.writer.begin(one)
        await self.writer.end(one, verdict)

    async def count(self) -> tuple[int, int]:
        """Rows, and different action ids, in the table."""
        return await self.database.reader.run(_count, 10)


def _count(session: Session) -> tuple[int, int]:
    found = session.rows("SELECT count(*), count(DISTINCT action_id) FROM discord_actions")
    return int(found[0][0]), int(found[0][1])


@asynccontextmanager
async def open_record(
    url: str, journal_dir: Path | None = None, journal: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[Record]:
    """A writer and a reader on the database at `url`; the journal in a directory of its own, or in `journal_dir`."""
    with TemporaryDirectory() as folder:
        written_to = Journal(journal_dir or Path(folder), Redactor(), **(journal or {}))
        async with (
            Database(Secret(url)) as database,
            AuditWriter(database.writer, Redactor(), written_to, **options) as writer,
        ):
            yield Record(database, writer, AuditReader(database.reader))


async def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Waits until something holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 -- watches things that have no event
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the event loop was, in seconds, each time it was asked."""

    measured: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return sorted(self.measured)[len(self.measured) * 99 // 100]

    @property
    def longest(self) -> float:
        return max(self.measured)


@asynccontextmanager
async def loop_lag() -> AsyncIterator[Lag]:
    """Measures how long the event loop ran nothing else."""
    lag = Lag()

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            lag.measured.append(time.perf_counter() - before - 0.005)

    ticking = asyncio.create_task(tick())
    try:
        yield lag
    finally:
        ticking.cancel()

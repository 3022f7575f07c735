"""Rows older than the operator wants to keep are deleted, a few at a time.

- One replica at a time: who holds an advisory lock of PostgreSQL deletes, the others leave it to them. The lock belongs
  to the writer's connection and ends with it, and every batch asks for it anew, because a connection that broke was
  replaced without a word. On SQLite there is one process.
- On the writer's thread, between its batches: a batch is one short statement that waits for no lock, and the pause
  after it is several times as long as it took, so the record is written as if nothing else went on.
- By two clocks: a row must be too old for this machine and for the database's, so that a clock which jumped ahead
  deletes nothing.
"""

import asyncio
import random
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Final, NamedTuple, Self

from services.audit.columns import time_of, time_text
from services.database import DatabaseFailure, DatabaseThread, Session
from services.lasting_tasks import lasting
from services.telemetry import Metrics, get_logger

MOST_ROWS: Final = 500
FIRST_SECONDS: Final = 30.0
EVERY_SECONDS: Final = 3600.0
JITTER: Final = 0.2
PAUSE_SECONDS: Final = 0.2
PAUSE_PER_SECOND_OF_WORK: Final = 5.0
WORK_SECONDS: Final = 5.0
STATEMENT_MS: Final = 2000
LOCK_MS: Final = 200

ADVISORY_LOCK: Final = 0x6175_6469_746F_6C64
"""Any number that no other program uses on this database; this one spells two words."""

DELETE: Final = """
DELETE FROM discord_actions
WHERE id IN (SELECT id FROM discord_actions WHERE created_at < %s ORDER BY created_at, id LIMIT %s)
RETURNING id
"""

log = get_logger(__name__)


class Kept(NamedTuple):
    """What a round found: rows deleted, and the time of the oldest that is left (None where there is none)."""

    deleted: int
    oldest: datetime | None


class Retention:
    """Deletes what is older than `days` until it is closed; an async context manager."""

    def __init__(
        self,
        writer: DatabaseThread,
        reader: DatabaseThread,
        days: int,
        metrics: Metrics | None = None,
        *,
        first_seconds: float | None = None,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._days = days
        self._metrics = metrics
        self._first_seconds = FIRST_SECONDS if first_seconds is None else first_seconds
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = lasting(self._run, "audit-retention")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        await asyncio.sleep(_about(self._first_seconds))
        while True:
            try:
                await self.round()
            except Exception as exc:  # noqa: BLE001 -- whatever went wrong, the next round may go well
                log.warning("old rows were not deleted", reason=str(exc) or type(exc).__name__)
                with suppress(DatabaseFailure):  # a connection that is gone has no turn to give back
                    await self._writer.run(_give_turn_back, WORK_SECONDS)
            await asyncio.sleep(_about(self._every_seconds))

    async def round(self) -> Kept:
        """Deletes what is too old now. Raises DatabaseUnavailable; what was deleted before stays deleted."""
        deleted = await self._delete_all()
        oldest = await self._reader.run(_oldest, WORK_SECONDS)
        age_seconds = (_now() - oldest).total_seconds() if oldest is not None else 0.0
        if self._metrics is not None:
            self._metrics.audit_oldest_row(age_seconds)
        log.info("old rows deleted", rows=deleted, oldest_row=oldest.isoformat() if oldest is not None else None)
        return Kept(deleted, oldest)

    async def _delete_all(self) -> int:
        deleted = 0
        while True:
            began = time.monotonic()
            rows = await self._writer.run(partial(_delete_some, days=self._days), WORK_SECONDS)
            deleted += rows
            self._count(rows)
            if rows < MOST_ROWS:
                return deleted
            await asyncio.sleep(PAUSE_SECONDS + PAUSE_PER_SECOND_OF_WORK * (time.monotonic() - began))

    def _count(self, rows: int) -> None:
        if self._metrics is not None:
            self._metrics.audit_deleted(rows)


def _about(seconds: float) -> float:
    """Replicas that started together do not work together."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 -- spreads load, guards nothing


# ── on the threads ──


def _delete_some(session: Session, days: int) -> int:
    """Deletes a batch; how many rows. Fewer than a batch: nothing is left to do, or it is another replica's turn."""
    if session.is_sqlite:
        return _delete(session, _now() - timedelta(days=days))
    session.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
    session.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
    if not session.rows("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,))[0][0]:
        return 0
    now = min(_now(), time_of(session.rows("SELECT now()")[0][0]))
    rows = _delete(session, now - timedelta(days=days))
    if rows < MOST_ROWS:
        _give_turn_back(session)
    return rows


def _delete(session: Session, before: datetime) -> int:
    return len(session.rows(DELETE, (time_text(before), MOST_ROWS)))


def _give_turn_back(session: Session) -> None:
    """Lets go of the lock, which counts how often it was taken."""
    if not session.is_sqlite:
        session.execute("SELECT pg_advisory_unlock_all()")


def _now() -> datetime:
    return datetime.now(UTC)


def _oldest(session: Session) -> datetime | None:
    found = session.rows("SELECT min(created_at) FROM discord_actions")[0][0]
    return None if found is None else time_of(found)

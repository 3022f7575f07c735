"""Finished actions on their way into the table.

An action costs the event loop two calls that append to a list; everything else happens afterwards. Rows gather for
GATHER_SECONDS, then leave oldest first, up to MOST_ROWS in one statement, while the writer's thread redacts and
encodes them. A row stays in the queue until the database has it.

What can go wrong, and what happens then:
- The database is away, locked, full, read-only: the batch is sent again, with growing pauses, for as long as it takes.
  A batch that failed is halved and grows again with success, so a size the database cannot take within its time
  limit finds its measure.
- The database refuses a value: the batch is split until the row stands alone. That row is logged, counted and kept
  aside; its neighbours are written.
- Too much waits: no new action is accepted, because what would not be on the record must not be sent.
- The process must go: what is left is logged, one AUDIT line a row.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Final, NamedTuple, Self

import orjson

from services.audit.rows import Finished, row_json
from services.audit.shipping import ship
from services.database import DatabaseThread, DatabaseUnavailable
from services.errors import AuditUnavailable
from services.ports import AuditEntry, Verdict
from services.redaction import Redactor
from services.telemetry import Metrics, get_logger

MOST_WAITING: Final = 100_000
MOST_ROWS: Final = 500
GATHER_SECONDS: Final = 0.05
SHIP_SECONDS: Final = 20.0
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
RETRY_AFTER_SECONDS: Final = 5.0
MOST_REFUSED_KEPT: Final = 1000
LINES_AT_ONCE: Final = 2000
LINES_PAUSE_SECONDS: Final = 0.1
"""The log drops lines that come faster than it writes; rows must not be dropped."""

log = get_logger(__name__)


class WriterHealth(NamedTuple):
    """How the writer is. `detail` is the last problem, empty while there is none; ages are in seconds."""

    is_writable: bool
    detail: str
    depth: int
    oldest_age_seconds: float
    shipped: int = 0
    refused: int = 0
    logged: int = 0


class RefusedRow(NamedTuple):
    """A row the database would not take, as the JSON object it was sent as."""

    action_id: str
    reason: str
    row: bytes


class AuditWriter:
    """The audit log as `services.ports.AuditLog` has it. Its owner calls `start` and `close`, or uses `async with`."""

    def __init__(
        self,
        thread: DatabaseThread,
        redactor: Redactor,
        *,
        metrics: Metrics | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._thread = thread
        self._redactor = redactor
        self._metrics = metrics
        self._most_waiting = most_waiting
        self._waiting: deque[Finished] = deque()
        self._has_rows = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._batch_rows = MOST_ROWS
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._problem = ""
        self._shipped = self._refused_count = self._logged = 0
        self.refused: deque[RefusedRow] = deque(maxlen=MOST_REFUSED_KEPT)

    # ── the port ──

    async def begin(self, entry: AuditEntry) -> None:
        """Accepts the action. Raises AuditUnavailable when its row could not be kept."""
        if self._task is None or self._closing.is_set():
            raise AuditUnavailable("The record is closed.", retry_after_seconds=RETRY_AFTER_SECONDS)
        if len(self._waiting) >= self._most_waiting:
            raise AuditUnavailable("Too many actions wait for the database.", retry_after_seconds=RETRY_AFTER_SECONDS)

    async def attempt(self, entry: AuditEntry) -> None:
        """Nothing yet: what is in memory only is not worth more for having been marked."""

    async def end(self, entry: AuditEntry, verdict: Verdict) -> None:
        """Queues the row. Never raises; never waits."""
        self._waiting.append(Finished(time.monotonic(), entry, verdict))
        if not self._has_rows.is_set():
            self._has_rows.set()
            self._is_empty.clear()
        if self._task is None:
            await self._log_what_is_left()

    # ── life ──

    async def start(self) -> None:
        """Begins to ship."""
        self._task = asyncio.create_task(self._run(), name="audit-writer")

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Ships what is there within the grace and logs the rest. Later rows are logged at once."""
        if self._task is None:
            return
        self._closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._is_empty.wait()
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._task = None
        await self._log_what_is_left()

    async def drained(self, timeout_seconds: float) -> bool:
        """Waits until nothing waits; whether that came within the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._is_empty.wait()
        return self._is_empty.is_set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def health(self) -> WriterHealth:
        """How it is now."""
        depth = len(self._waiting)
        is_writable = self._task is not None and not self._closing.is_set() and depth < self._most_waiting
        oldest = time.monotonic() - self._waiting[0].ended_at if depth else 0.0
        return WriterHealth(is_writable, self._problem, depth, oldest, self._shipped, self._refused_count, self._logged)

    # ── shipping ──

    async def _run(self) -> None:
        while True:
            await self._has_rows.wait()
            await self._pause(GATHER_SECONDS)
            while self._waiting:
                await self._ship_oldest()
            self._has_rows.clear()
            self._is_empty.set()

    async def _ship_oldest(self) -> None:
        batch = list(islice(self._waiting, self._batch_rows))
        before = self._shipped
        try:
            await self._ship(batch)
        except DatabaseUnavailable as exc:
            self._report(self._shipped - before, len(batch))
            await self._wait_out(exc.reason)
        else:
            self._report(self._shipped - before, len(batch))
            self._note_success()

    def _report(self, written: int, tried: int) -> None:
        if self._metrics is not None:
            self._metrics.audit_queue(len(self._waiting))
            self._metrics.audit_written(written)
            self._metrics.audit_failed(tried - written)

    async def _ship(self, batch: Sequence[Finished]) -> None:
        """Ships the head of the queue; where it is refused, in halves. Raises DatabaseUnavailable."""
        try:
            await self._thread.run(partial(ship, batch=batch, redactor=self._redactor), SHIP_SECONDS)
        except DatabaseUnavailable:
            raise
        except Exception as exc:  # noqa: BLE001 -- whatever a row does to us, it must not stop the others
            await self._isolate(batch, exc)
        else:
            self._forget(len(batch))
            self._shipped += len(batch)

    async def _isolate(self, batch: Sequence[Finished], exc: Exception) -> None:
        if len(batch) == 1:
            self._set_aside(batch[0], exc)
            self._forget(1)
            return
        half = len(batch) // 2
        await self._ship(batch[:half])
        await self._ship(batch[half:])

    def _set_aside(self, finished: Finished, exc: Exception) -> None:
        row = row_json(finished, self._redactor)
        reason = self._redactor.redact(str(exc) or type(exc).__name__)
        self.refused.append(RefusedRow(finished.entry.action_id, reason, row))
        self._refused_count += 1
        log.error("the database refused this row", event="AUDIT", reason=reason, row=orjson.loads(row))

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()

    def _note_success(self) -> None:
        if self._problem:
            log.info("the record is written again", waiting=len(self._waiting))
        self._problem = ""
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._batch_rows = min(self._batch_rows * 2, MOST_ROWS)

    async def _wait_out(self, reason: str) -> None:
        if not self._problem:
            log.warning("the record cannot be written", reason=reason, waiting=len(self._waiting))
        self._problem = reason
        self._batch_rows = max(self._batch_rows // 2, 1)
        await asyncio.sleep(self._pause_seconds)
        self._pause_seconds = min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Waits, but not once the writer closes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _log_what_is_left(self) -> None:
        while self._waiting:
            for _ in range(min(len(self._waiting), LINES_AT_ONCE)):
                row = row_json(self._waiting.popleft(), self._redactor)
                log.error("a row that is not in the table", event="AUDIT", row=orjson.loads(row))
                self._logged += 1
            if self._waiting:
                await asyncio.sleep(LINES_PAUSE_SECONDS)
        self._is_empty.set()

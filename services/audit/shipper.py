"""Rows on their way into the table.

Rows gather for GATHER_SECONDS, then leave oldest first, up to MOST_ROWS in one statement, on the writer's thread. A row
stays in the queue until the database has it. What came while a batch was on its way gathers anew, unless it fills a
batch by itself: a thread that always has a little to send costs the event loop more than what it sends.

What can go wrong, and what happens then:
- The database is away, locked, full, read-only: the batch is sent again, with growing pauses, for as long as it takes.
  A batch that failed is halved and grows again with success, so a size the database cannot take within its time
  limit finds its measure.
- The database refuses a value: the batch is split until the row stands alone. That row is logged, counted and kept
  aside (`refused`); its neighbours are written.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final

import orjson

from services.audit.journal import Row
from services.audit.refused import RefusedRow
from services.audit.rows import action_id_of
from services.audit.shipping import ship
from services.database import DatabaseThread, DatabaseUnavailable
from services.lasting_tasks import lasting
from services.redaction import Redactor
from services.telemetry import Event, Metrics, get_logger

MOST_ROWS: Final = 500
SHORT_ROWS: Final = 2 * MOST_ROWS
GATHER_SECONDS: Final = 0.2
SHIP_SECONDS: Final = 20.0
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
MOST_REFUSED_KEPT: Final = 1000

log = get_logger(__name__)


class Shipper:
    """The queue of rows that are in memory. Its owner calls `start` and `stop`, and hears of every try."""

    def __init__(
        self,
        thread: DatabaseThread,
        redactor: Redactor,
        on_tried: Callable[[], None],
        on_refused: Callable[[RefusedRow], Awaitable[None]],
        *,
        metrics: Metrics | None = None,
    ) -> None:
        self._thread = thread
        self._redactor = redactor
        self._on_tried = on_tried
        self._on_refused = on_refused
        self._metrics = metrics
        self._waiting: deque[Row] = deque()
        self._has_rows = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._is_short = asyncio.Event()
        self._is_short.set()
        self._is_hurried = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._batch_rows = MOST_ROWS
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self.waiting_bytes = 0
        self.problem = ""
        self.shipped = 0
        self.refused: deque[RefusedRow] = deque(maxlen=MOST_REFUSED_KEPT)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def oldest_age_seconds(self) -> float:
        return time.monotonic() - self._waiting[0].ended_at if self._waiting else 0.0

    @property
    def has_ended(self) -> bool:
        """Whether it ships no more, though nobody stopped it."""
        return self._task is not None and self._task.done()

    def put(self, row: Row) -> None:
        """Queues a row."""
        self._waiting.append(row)
        self.waiting_bytes += len(row.json)
        if not self._has_rows.is_set():
            self._has_rows.set()
            self._is_empty.clear()
        if len(self._waiting) > SHORT_ROWS:
            self._is_short.clear()

    async def has_become_short(self) -> None:
        """Waits until more rows are welcome."""
        await self._is_short.wait()

    async def is_empty(self) -> None:
        """Waits until no row waits."""
        await self._is_empty.wait()

    def hurry(self) -> None:
        """Gathers no more."""
        self._is_hurried.set()

    def start(self) -> None:
        """Begins to ship."""
        self._task = lasting(self._run, "audit-shipper")

    async def stop(self) -> list[Row]:
        """Stops shipping, and gives what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None
        left = list(self._waiting)
        self._waiting.clear()
        self.waiting_bytes = 0
        self._is_empty.set()
        return left

    async def _run(self) -> None:
        while True:
            await self._has_rows.wait()
            await self._gather()
            await self._ship_oldest()
            while len(self._waiting) >= self._batch_rows:
                await self._ship_oldest()
            if not self._waiting:
                self._has_rows.clear()
                self._is_empty.set()

    async def _gather(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await self._is_hurried.wait()

    async def _ship_oldest(self) -> None:
        batch = list(islice(self._waiting, self._batch_rows))
        before = self.shipped
        try:
            await self._ship(batch)
        except DatabaseUnavailable as exc:
            self._report(self.shipped - before, len(batch))
            await self._wait_out(exc.reason)
        else:
            self._report(self.shipped - before, len(batch))
            self._note_success()

    def _report(self, written: int, tried: int) -> None:
        self._on_tried()
        if self._metrics is not None:
            self._metrics.audit_written(written)
            self._metrics.audit_failed(tried - written)

    async def _ship(self, batch: Sequence[Row]) -> None:
        """Ships the head of the queue; where it is refused, in halves. Raises DatabaseUnavailable."""
        try:
            await self._thread.run(partial(ship, rows=[row.json for row in batch]), SHIP_SECONDS)
        except DatabaseUnavailable:
            raise
        except Exception as exc:  # noqa: BLE001 -- whatever a row does to us, it must not stop the others
            await self._isolate(batch, exc)
        else:
            self.shipped += len(batch)
            self._settle(len(batch))

    async def _isolate(self, batch: Sequence[Row], exc: Exception) -> None:
        if len(batch) == 1:
            await self._set_aside(batch[0], exc)
            self._settle(1)
            return
        half = len(batch) // 2
        await self._ship(batch[:half])
        await self._ship(batch[half:])

    async def _set_aside(self, row: Row, exc: Exception) -> None:
        reason = self._redactor.redact(str(exc) or type(exc).__name__)
        refused = RefusedRow(action_id_of(row.json), reason, row.json)
        self.refused.append(refused)
        if self._metrics is not None:
            self._metrics.audit_refused(1)
        log.error("the database refused this row", event=Event.AUDIT, reason=reason, row=orjson.loads(row.json))
        await self._on_refused(refused)

    def _settle(self, count: int) -> None:
        for _ in range(count):
            row = self._waiting.popleft()
            self.waiting_bytes -= len(row.json)
            if row.origin is not None:
                row.origin.settled(row.end)
        if len(self._waiting) <= SHORT_ROWS:
            self._is_short.set()

    def _note_success(self) -> None:
        if self.problem:
            log.info("the record is written again", waiting=len(self._waiting))
        self.problem = ""
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._batch_rows = min(self._batch_rows * 2, MOST_ROWS)

    async def _wait_out(self, reason: str) -> None:
        if not self.problem:
            log.warning("the record cannot be written", reason=reason, waiting=len(self._waiting))
        self.problem = reason
        self._batch_rows = max(self._batch_rows // 2, 1)
        await asyncio.sleep(self._pause_seconds)
        self._pause_seconds = min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS)

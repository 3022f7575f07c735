"""The audit log: an action goes into the journal as it happens, and as a row into the table soon after.

An action costs the event loop three records on the way to the page cache. Its row waits in memory for the table; when
too much waits there, rows are read back from the journal instead, so that a database that is away for hours costs disk
and not memory. Only what the journal cannot hold is refused.

Stopping ships what there is within its budget. What is left then stays in the journal, for the next process on this
disk, and is handed over as well, because the disk may go with the process: to any other replica through Redis, else to
whoever reads the log.
"""

import asyncio
import time
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Final, NamedTuple, Self

from services.audit.collector import Collector
from services.audit.handover import AuditLines, Handover
from services.audit.journal import Adopter, Backlog, Journal, Lot, Row
from services.audit.refused import RefusedRow, RefusedRows
from services.audit.shelf import RedisShelf
from services.audit.shipper import MOST_ROWS, Shipper
from services.budget import Budget
from services.database import DatabaseThread
from services.errors import AuditUnavailable
from services.lasting_tasks import lasting
from services.ports import AuditEntry, Verdict
from services.redaction import Redactor
from services.telemetry import Metrics, get_logger

MOST_IN_MEMORY: Final = 10_000
MOST_BYTES_IN_MEMORY: Final = 32 * 1024 * 1024
RETRY_AFTER_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 5.0
STANDSTILL_SECONDS: Final = 2.0
"""A database that takes no row for so long is not waited for at the end."""
HANDOVER_SECONDS, HANDOVER_SHARE = 3.0, 0.4
CLOSING_SECONDS, CLOSING_SHARE = 0.8, 0.3
"""What the hand-over has at the end, and the journal with whatever closes after it; of little time, a share."""
LATE_SECONDS: Final = 0.5
LOOK_AGAIN_SECONDS: Final = 0.01

log = get_logger(__name__)


class WriterHealth(NamedTuple):
    """How the record is. `detail` is the last problem, empty while there is none; ages are in seconds.

    `depth` counts finished actions that are not in the table; `adopted` rows of processes that ended without shipping
    them, `collected` such rows that came through Redis; `refused` rows in the file of those that the database would not
    take; `damaged` places of the journal that could not be read.
    """

    is_writable: bool
    detail: str
    depth: int
    oldest_age_seconds: float
    shipped: int = 0
    refused: int = 0
    logged: int = 0
    journal_bytes: int = 0
    journal_segments: int = 0
    open_actions: int = 0
    adopted: int = 0
    damaged: int = 0
    collected: int = 0


class AuditWriter:
    """The audit log as `services.ports.AuditLog` has it. Its owner calls `start` and `close`, or uses `async with`."""

    def __init__(
        self,
        thread: DatabaseThread,
        redactor: Redactor,
        journal: Journal,
        *,
        metrics: Metrics | None = None,
        most_in_memory: int = MOST_IN_MEMORY,
        handover: Handover | None = None,
        shelf: RedisShelf | None = None,
    ) -> None:
        self._journal = journal
        self._metrics = metrics
        self._most_in_memory = most_in_memory
        self._handover = handover or shelf or AuditLines()
        self._refused = RefusedRows(journal.store)
        self._shipper = Shipper(thread, redactor, self._note_try, self._refused.keep, metrics=metrics)
        self._backlog = Backlog(journal.store)
        self._adopter = Adopter(journal.store, self._shipper)
        self._collector = Collector(shelf, self._shipper, lambda: not self._shipper.problem) if shelf else None
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._is_open = False
        self._is_closing = False
        self._is_closed = False
        self._logged = 0
        if metrics is not None:
            self._show(metrics)

    # ── the port ──

    async def begin(self, entry: AuditEntry) -> None:
        """Writes the intent. Raises AuditUnavailable when it cannot be kept."""
        if not self._is_running:
            raise AuditUnavailable("The record is closed.", retry_after_seconds=RETRY_AFTER_SECONDS)
        self._journal.begin(entry)

    async def attempt(self, entry: AuditEntry) -> None:
        """Writes that bytes are about to leave. Raises AuditUnavailable."""
        self._journal.attempt(entry)

    async def end(self, entry: AuditEntry, verdict: Verdict) -> None:
        """Writes the outcome and queues its row. Never raises; waits only once the record is closed."""
        row = self._journal.end(entry, verdict)
        if row.origin is None or (self._has_room and not self._backlog.count):
            self._shipper.put(row)
        else:
            self._backlog.add(row)
        if not self._is_open:
            await self._hand_over_all(await self._shipper.stop(), Budget.of(LATE_SECONDS))

    # ── life ──

    async def start(self) -> None:
        """Opens the journal, begins to ship, and looks for what other processes left behind."""
        await self._journal.start()
        self._shipper.start()
        self._tasks = (
            lasting(self._read_back, "audit-backlog"),
            lasting(self._adopter.run, "audit-adopter"),
            lasting(self._refused.run, "audit-refused"),
        )
        if self._collector is not None:
            self._tasks += (lasting(self._collector.run, "audit-collector"),)
        self._is_open = True

    async def close(self, budget: Budget | None = None) -> None:
        """Ships what is there as long as the database takes rows, and hands over the rest, all within the budget.

        Later rows are handed over at once.
        """
        if not self._is_open:
            return
        budget = budget or Budget.of(CLOSE_SECONDS)
        closing_seconds = min(CLOSING_SECONDS, CLOSING_SHARE * budget.left_seconds)
        handover_seconds = min(HANDOVER_SECONDS, HANDOVER_SHARE * budget.left_seconds)
        self._is_closing = True
        self._shipper.hurry()
        await self._ship_what_goes(budget.less(closing_seconds + handover_seconds))
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        left = await self._shipper.stop()
        self._is_open = False
        await self._hand_over_all(left, budget.less(closing_seconds))
        self._journal.reclaim()
        await self._journal.close(budget.less(closing_seconds / 2))
        self._is_closed = True

    async def _ship_what_goes(self, budget: Budget) -> None:
        """Until all is in the table, no more goes, or the time is up."""
        with suppress(TimeoutError):
            async with budget.within():
                while self._owes_rows:
                    before = self._shipper.shipped
                    if not await self.drained(STANDSTILL_SECONDS) and self._shipper.shipped == before:
                        return

    async def drained(self, timeout_seconds: float) -> bool:
        """Waits until the table has every row; whether that came within the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._owes_rows:
                    await self._shipper.is_empty()
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return not self._owes_rows

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # ── how it is ──

    @property
    def refused(self) -> list[RefusedRow]:
        """The last rows that the database would not take, since the start."""
        return list(self._shipper.refused)

    @property
    def depth(self) -> int:
        """Finished actions that are not in the table."""
        return len(self._shipper) + self._backlog.count

    @property
    def oldest_age_seconds(self) -> float:
        """How long the oldest row has waited for the table."""
        behind = time.monotonic() - self._backlog.since if self._backlog.count else 0.0
        return max(behind, self._shipper.oldest_age_seconds)

    def health(self) -> WriterHealth:
        """How it is now."""
        journal = self._journal.health()
        return WriterHealth(
            is_writable=self._is_running and journal.is_writable,
            detail="; ".join(filter(None, (self._ended, journal.detail, self._shipper.problem, self._refused.detail))),
            depth=self.depth,
            oldest_age_seconds=self.oldest_age_seconds,
            shipped=self._shipper.shipped,
            refused=self._refused.count,
            logged=self._logged,
            journal_bytes=journal.size_bytes,
            journal_segments=journal.segments,
            open_actions=journal.open_actions,
            adopted=self._adopter.rows,
            damaged=self._adopter.damages + self._backlog.damages,
            collected=self._collector.rows if self._collector else 0,
        )

    def _show(self, metrics: Metrics) -> None:
        store, adopter, backlog, collector = self._journal.store, self._adopter, self._backlog, self._collector
        metrics.watch("audit_queue_rows", lambda: self.depth)
        metrics.watch("audit_oldest_waiting_seconds", lambda: self.oldest_age_seconds)
        metrics.watch("audit_refused_kept_rows", lambda: self._refused.count)
        metrics.watch("audit_writable", lambda: self.health().is_writable)
        metrics.watch("journal_bytes", lambda: store.size_bytes)
        metrics.watch("journal_max_bytes", lambda: store.most_bytes)
        metrics.watch("journal_segments", lambda: len(store.segments))
        metrics.watch("journal_adopted_rows", lambda: adopter.rows)
        metrics.watch("audit_collected_rows", lambda: collector.rows if collector else 0)
        metrics.watch("journal_damages", lambda: adopter.damages + backlog.damages)

    # ── rows ──

    @property
    def _is_running(self) -> bool:
        return self._is_open and not self._is_closing and not self._ended

    @property
    def _ended(self) -> str:
        """That a task ended which rows depend on, though nobody stopped it; empty while all run."""
        has_ended = self._shipper.has_ended or any(map(asyncio.Task.done, self._tasks))
        return "a task of the record has ended" if has_ended and not self._is_closing else ""

    @property
    def _has_room(self) -> bool:
        return len(self._shipper) < self._most_in_memory and self._shipper.waiting_bytes < MOST_BYTES_IN_MEMORY

    @property
    def _owes_rows(self) -> bool:
        return self.depth > 0 or self._adopter.is_busy

    def _note_try(self) -> None:
        self._journal.reclaim()

    async def _read_back(self) -> None:
        while True:
            await self._backlog.has_rows.wait()
            await self._shipper.has_become_short()
            for row in await self._backlog.take(MOST_ROWS):
                self._shipper.put(row)

    async def _hand_over_all(self, left: list[Row], budget: Budget) -> None:
        """What was in memory, what only the journal has, and, with the database away, what other processes had left."""
        with suppress(TimeoutError):
            async with budget.within():
                await self._hand_over([row for row in left if not isinstance(row.origin, Lot)])
                while self._backlog.count and not self._is_closed:
                    await self._hand_over(await self._backlog.take(MOST_ROWS))
                if left and not self._is_closed:
                    await self._hand_over_adopted()
        if self._backlog.count:
            log.warning("rows stay in the journal", rows=self._backlog.count, path=str(self._journal.store.root))

    async def _hand_over_adopted(self) -> None:
        async with aclosing(self._adopter.left()) as adopted:
            async for rows in adopted:
                await self._hand_over([Row(row, 0.0) for row in rows])

    async def _hand_over(self, rows: list[Row]) -> None:
        if not rows:
            return
        is_taken = await self._handover.take([row.json for row in rows])
        self._logged += len(rows)
        if self._metrics is not None:
            self._metrics.audit_logged(len(rows))
        for row in rows if is_taken else ():
            if row.origin is not None:
                row.origin.settled(row.end)

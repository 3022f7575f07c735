"""A thread that owns a session, and the way work gets to it from the event loop.

Work waits in a bounded queue. Who waits for it may time out or be cancelled at any moment: work that has not begun is
then skipped, work that hangs has its connection severed, and its result goes nowhere. The thread is a daemon: should a
driver's call not return even then, it must not keep the process alive past its bound.

Work of each `Urgency` has a queue of its own length, and the more urgent goes first: whoever reads the record as fast
as it can must not keep the module from learning which clients were revoked.
"""

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import Any, Final, cast

from services.budget import Budget
from services.database.failures import DatabaseUnavailable
from services.database.session import Session
from services.telemetry import get_logger

MOST_WAITING: Final = 64
CLOSE_SECONDS: Final = 3.0
SEVER_SECONDS: Final = 1.0

log = get_logger(__name__)


class Urgency(IntEnum):
    """Which work goes first."""

    OWN = 0
    """What the module itself has to know: who was revoked, whether the database answers."""
    LETTING_IN = 1
    """Whether a client's secret is right."""
    USUAL = 2


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[Session], Any]
    future: asyncio.Future[Any]
    urgency: Urgency
    is_abandoned: bool = False

    def settle(self, result: Any, failure: BaseException | None) -> None:
        if self.future.done():
            return
        if failure is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(failure)


class DatabaseThread:
    """Runs pieces of work on a session, one at a time, for the event loop it is made on. Its owner calls `close`."""

    def __init__(self, session: Session, name: str, *, most_waiting: int = MOST_WAITING) -> None:
        self._session = session
        self._jobs: queue.PriorityQueue[tuple[int, int, _Job | None]] = queue.PriorityQueue()
        self._order = count()
        self._waiting = Counter[Urgency]()
        self._most_waiting = most_waiting
        self._counting = threading.Lock()
        self._running: _Job | None = None
        self._is_closing = False
        self._loop = asyncio.get_running_loop()
        self._has_ended = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run[T](self, work: Callable[[Session], T], timeout_seconds: float, urgency: Urgency = Urgency.USUAL) -> T:
        """Runs `work` on the thread in a transaction of its own and gives its result.

        Raises DatabaseUnavailable when too much of its urgency waits, when the time is up or when the thread is closed
        (the work may then still be carried out), and otherwise what `Session.perform` raises.
        """
        job = _Job(work, self._loop.create_future(), urgency)
        self._enqueue(job)
        try:
            async with asyncio.timeout(timeout_seconds):
                return cast("T", await job.future)
        except TimeoutError:
            self._give_up(job)
            raise DatabaseUnavailable(f"the database did not answer within {timeout_seconds:g} s") from None
        finally:
            job.is_abandoned = True

    async def close(self, budget: Budget | None = None) -> None:
        """Refuses more work, lets the running piece finish within the budget, and closes the connection.

        A piece that nobody waits for any more, or that takes too long, has its connection severed. A call that does
        not return even then, such as one that connects, is left behind.
        """
        budget = budget or Budget.of(CLOSE_SECONDS)
        if not self._is_closing:
            self._is_closing = True
            self._refuse_waiting()
            self._put(Urgency.USUAL, None)
        if self._is_waited_for and await self._ends_within(budget.less(min(SEVER_SECONDS, budget.left_seconds / 2))):
            return
        self._session.sever()
        if not await self._ends_within(budget):
            log.warning("a database thread hangs and is left behind", thread=self._thread.name)

    @property
    def _is_waited_for(self) -> bool:
        running = self._running
        return running is None or not running.is_abandoned

    def _enqueue(self, job: _Job) -> None:
        if self._is_closing:
            raise DatabaseUnavailable("the connection to the database is closed")
        with self._counting:
            if self._waiting[job.urgency] >= self._most_waiting:
                raise DatabaseUnavailable("too much work waits for the database")
            self._waiting[job.urgency] += 1
        self._put(job.urgency, job)

    def _put(self, urgency: Urgency, job: _Job | None) -> None:
        self._jobs.put_nowait((urgency, next(self._order), job))

    def _give_up(self, job: _Job) -> None:
        if self._running is job:
            self._session.sever()

    def _refuse_waiting(self) -> None:
        with suppress(queue.Empty):
            while job := self._jobs.get_nowait()[2]:
                job.settle(None, DatabaseUnavailable("the connection to the database is closed"))

    async def _ends_within(self, budget: Budget) -> bool:
        with suppress(TimeoutError):
            async with budget.within():
                await self._has_ended.wait()
        return self._has_ended.is_set()

    # ── on the thread ──

    def _serve(self) -> None:
        try:
            while (job := self._jobs.get()[2]) is not None:
                with self._counting:
                    self._waiting[job.urgency] -= 1
                self._running = job
                self._carry_out(job)
                self._running = None
        finally:
            self._session.close()
            self._on_loop(self._has_ended.set)

    def _carry_out(self, job: _Job) -> None:
        if job.is_abandoned:
            return
        try:
            result = self._session.perform(job.work)
        except BaseException as exc:  # noqa: BLE001 -- it belongs to who waits; the thread must go on
            self._on_loop(job.settle, None, exc)
        else:
            self._on_loop(job.settle, result, None)

    def _on_loop(self, callback: Callable[..., None], *values: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback, *values)

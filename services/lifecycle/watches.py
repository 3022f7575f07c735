"""What is watched: whether the loop keeps up, the database answers, and background tasks go on."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final

from services.database import DatabaseFailure, DatabaseThread, Session, Urgency
from services.lasting_tasks import breaks_told_to, lasting
from services.telemetry import Metrics

LAG_EVERY_SECONDS: Final = 0.25
ASK_EVERY_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 2.0
LATELY_SECONDS: Final = 60.0


@asynccontextmanager
async def loop_lag_measured(metrics: Metrics) -> AsyncIterator[None]:
    """Reports how late a timer is, as long as the block runs: what every request waits on top of its own work."""
    measuring = lasting(partial(_measure, metrics), "loop-lag")
    try:
        yield
    finally:
        measuring.cancel()
        await asyncio.wait((measuring,))


async def _measure(metrics: Metrics) -> None:
    while True:
        due = time.monotonic() + LAG_EVERY_SECONDS
        await asyncio.sleep(LAG_EVERY_SECONDS)
        metrics.loop_lagged(max(time.monotonic() - due, 0.0))


class TaskWatch:
    """Hears of background tasks that broke. `problem` names those of the last minute; empty where there is none."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._broke_at: dict[str, float] = {}

    def broke(self, name: str) -> None:
        """A task broke, and is begun anew."""
        self._metrics.task_broke()
        self._broke_at[name] = time.monotonic()

    @property
    def problem(self) -> str:
        lately = time.monotonic() - LATELY_SECONDS
        names = sorted(name for name, broke_at in self._broke_at.items() if broke_at > lately)
        return f"broke and begun anew, see the log: {', '.join(names)}" if names else ""


@contextmanager
def tasks_watched(metrics: Metrics) -> Iterator[TaskWatch]:
    """Hears of every background task that breaks, as long as the block runs."""
    watch = TaskWatch(metrics)
    with breaks_told_to(watch.broke):
        yield watch


class DatabaseWatch:
    """Asks the database for a sign of life, as long as the block runs. `problem` is empty while it answers."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread
        self._asking: asyncio.Task[None] | None = None
        self.problem = ""

    async def __aenter__(self) -> "DatabaseWatch":
        self._asking = lasting(self._ask_again_and_again, "database-watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))

    async def _ask_again_and_again(self) -> None:
        while True:
            try:
                await self._thread.run(_sign_of_life, ANSWER_SECONDS, Urgency.OWN)
            except DatabaseFailure as exc:
                self.problem = exc.reason
            else:
                self.problem = ""
            await asyncio.sleep(ASK_EVERY_SECONDS)


def _sign_of_life(session: Session) -> None:
    session.rows("SELECT 1")

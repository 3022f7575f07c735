"""What is looked at again and again: whether the loop keeps up, and whether the database answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.database import DatabaseFailure, DatabaseThread, Session, Urgency
from services.telemetry import Metrics

LAG_EVERY_SECONDS: Final = 0.25
ASK_EVERY_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 2.0


@asynccontextmanager
async def loop_lag_measured(metrics: Metrics) -> AsyncIterator[None]:
    """Reports how late a timer is, as long as the block runs: what every request waits on top of its own work."""
    measuring = asyncio.create_task(_measure(metrics), name="loop-lag")
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


class DatabaseWatch:
    """Asks the database for a sign of life, as long as the block runs. `problem` is empty while it answers."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread
        self._asking: asyncio.Task[None] | None = None
        self.problem = ""

    async def __aenter__(self) -> "DatabaseWatch":
        self._asking = asyncio.create_task(self._ask_again_and_again(), name="database-watch")
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

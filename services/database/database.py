"""The database as the rest of the module holds it: two threads, and a schema that is in place."""

import asyncio
import time
from types import TracebackType
from typing import Final, Self

from config import Secret
from services.budget import Budget
from services.database.address import Address
from services.database.failures import DatabaseUnavailable
from services.database.schema import bring_up_to_date
from services.database.session import Session
from services.database.thread import DatabaseThread
from services.telemetry import get_logger

START_SECONDS: Final = 30.0
MIGRATION_SECONDS: Final = 900.0
WRITER_STATEMENT_SECONDS: Final = 10.0
READER_STATEMENT_SECONDS: Final = 4.0
CLOSE_SECONDS: Final = 3.0
ABANDON_SECONDS: Final = 0.5
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 2.0

log = get_logger(__name__)


class Database:
    """Owns the writer's and the reader's thread from `start` to `close`; an async context manager of both.

    Starting waits for a database that is not there yet (a whole stack may be starting), and fails when the bound is
    over: a module whose table was never seen has nowhere to put its record. Once started it outlives any outage.
    """

    def __init__(self, url: Secret, *, start_seconds: float = START_SECONDS) -> None:
        self.address = Address.parse(url.get_secret_value())
        self._start_seconds = start_seconds
        self._threads: list[DatabaseThread] = []

    @property
    def writer(self) -> DatabaseThread:
        """Runs what changes tables."""
        return self._threads[0]

    @property
    def reader(self) -> DatabaseThread:
        """Runs what only reads; the database refuses anything else there."""
        return self._threads[1]

    async def start(self) -> None:
        """Connects, and creates or migrates the tables.

        Raises DatabaseUnavailable when that was not possible within the bound; nothing is left running then.
        """
        self._threads = [
            self._thread("writer", WRITER_STATEMENT_SECONDS),
            self._thread("reader", READER_STATEMENT_SECONDS, is_read_only=True),
        ]
        try:
            await self._prepare_tables()
        except BaseException:
            await self.close(Budget.of(ABANDON_SECONDS))
            raise

    async def close(self, budget: Budget | None = None) -> None:
        """Closes both threads within the budget."""
        budget = budget or Budget.of(CLOSE_SECONDS)
        await asyncio.gather(*(thread.close(budget) for thread in self._threads))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _thread(self, role: str, statement_seconds: float, *, is_read_only: bool = False) -> DatabaseThread:
        name = f"discord-action-{role}"
        session = Session(self.address, name, statement_seconds=statement_seconds, is_read_only=is_read_only)
        return DatabaseThread(session, name)

    async def _prepare_tables(self) -> None:
        until = time.monotonic() + self._start_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self.writer.run(bring_up_to_date, MIGRATION_SECONDS)
            except DatabaseUnavailable as exc:
                if time.monotonic() + pause >= until:
                    raise DatabaseUnavailable(f"{self.address.shown} cannot be used: {exc.reason}") from None
                log.warning("waiting for the database", database=self.address.shown, reason=exc.reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

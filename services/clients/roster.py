"""The registered clients as each replica holds them: all of them, in memory, read again every two seconds.

So who is let in is decided without waiting for the database, and a client that was revoked on one machine is refused
by every replica a few seconds later. While the table cannot be read, what was read last holds: a revocation made in
that time (it needs the same database) is seen as soon as the table is. A replica does not start without having read
it once.

When a client was last seen is noted in memory and written about once a minute. What cannot be written is dropped: it
is a help for operators, not a record.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from services.clients.registered import COLUMNS, RegisteredClient, stored
from services.database import DatabaseFailure, DatabaseThread, Session, Urgency
from services.lasting_tasks import lasting
from services.telemetry import get_logger

REFRESH_SECONDS: Final = 2.0
DATABASE_SECONDS: Final = 5.0
USE_WRITTEN_EVERY_SECONDS: Final = 60.0
CLOSE_SECONDS: Final = 0.5

log = get_logger(__name__)

type Row = tuple[Any, ...]


class ClientRoster:
    """Every registered client, revoked ones too, for the length of an `async with`."""

    def __init__(
        self, reader: DatabaseThread, writer: DatabaseThread, *, refresh_seconds: float = REFRESH_SECONDS
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._refresh_seconds = refresh_seconds
        self._rows: dict[str, Row] = {}
        self._clients: Mapping[str, RegisteredClient] = {}
        self._seen: dict[str, datetime] = {}
        self._refreshing: asyncio.Task[bool] | None = None
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._is_stale = False

    async def __aenter__(self) -> Self:
        """Raises DatabaseUnavailable when the table cannot be read."""
        await self._read()
        self._tasks = (
            lasting(self._refresh_for_ever, "client-roster"),
            lasting(self._write_use_for_ever, "client-use"),
        )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        running: list[asyncio.Task[Any]] = [task for task in (*self._tasks, self._refreshing) if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await self._write_use(CLOSE_SECONDS)

    def find(self, client_id: str) -> RegisteredClient | None:
        """The client of this name. The same object as long as nothing about it changed."""
        return self._clients.get(client_id)

    def note_use(self, client: RegisteredClient) -> None:
        """Remembers that the client came."""
        self._seen[client.client_id] = datetime.now(UTC)

    async def refresh(self) -> bool:
        """Reads the table now, once for all who ask at the same time; whether it could be read.

        What cannot be read stays as it was.
        """
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._read_or_keep(), name="client-roster-refresh")
        return await asyncio.shield(self._refreshing)

    async def _refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            await self.refresh()

    async def _read_or_keep(self) -> bool:
        try:
            await self._read()
        except DatabaseFailure as exc:
            if not self._is_stale:
                log.warning("the registered clients cannot be read: what was read last holds", reason=str(exc))
            self._is_stale = True
            return False
        if self._is_stale:
            log.info("the registered clients are read again")
        self._is_stale = False
        return True

    async def _read(self) -> None:
        rows = {row[1]: row for row in await self._reader.run(_read_all, DATABASE_SECONDS, Urgency.OWN)}
        self._clients = {name: self._client(name, row) for name, row in rows.items()}
        self._rows = rows

    def _client(self, name: str, row: Row) -> RegisteredClient:
        return self._clients[name] if self._rows.get(name) == row else RegisteredClient.of(row)

    # ── last use ──

    async def _write_use_for_ever(self) -> None:
        while True:
            await asyncio.sleep(USE_WRITTEN_EVERY_SECONDS)
            await self._write_use()

    async def _write_use(self, timeout_seconds: float = DATABASE_SECONDS) -> None:
        seen, self._seen = self._seen, {}
        if seen:
            with suppress(DatabaseFailure):
                await self._writer.run(partial(_note, seen=seen), timeout_seconds)


# ── on the thread ──


def _read_all(session: Session) -> list[Row]:
    return session.rows(f"SELECT {COLUMNS} FROM discord_clients")  # noqa: S608 -- names of columns  # nosec B608


def _note(session: Session, seen: Mapping[str, datetime]) -> None:
    """In the order of the names, so that replicas which write at once cannot wait for each other."""
    for name in sorted(seen):
        when = stored(seen[name])
        session.execute(
            "UPDATE discord_clients SET last_used_at = %s"
            " WHERE client_id = %s AND (last_used_at IS NULL OR last_used_at < %s)",
            (when, name, when),
        )

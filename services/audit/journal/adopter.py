"""Takes in the directories that no living process holds, and brings what is in them into the table.

At the start and every LOOK_SECONDS. A directory is deleted once all its rows have settled; should this process end
before that, the next one begins with it anew, and the table ignores the rows it has.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from services.audit.journal.disk import reason_of
from services.audit.journal.folder import Folder, orphans
from services.audit.journal.replay import Replay
from services.audit.journal.row import Lot, Row
from services.audit.journal.store import Store
from services.disk_thread import DiskThread
from services.telemetry import get_logger

LOOK_SECONDS: Final = 30.0
ROWS_AT_ONCE: Final = 500

log = get_logger(__name__)


class RowQueue(Protocol):
    """Where rows wait for the table."""

    async def has_become_short(self) -> None:
        """Waits until more rows are welcome."""
        ...

    def put(self, row: Row) -> None: ...


class Adopter:
    """Its owner runs `run` as a task and cancels it. Counts what it took in."""

    def __init__(self, store: Store, queue: RowQueue) -> None:
        self._store = store
        self._queue = queue
        self._held: list[Folder] = []
        self.folders = self.rows = self.damages = 0

    @property
    def is_busy(self) -> bool:
        """Whether a directory is adopted and not yet in the table."""
        return bool(self._held)

    async def run(self) -> None:
        """Looks for orphans and ships them, for ever."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._let_go()

    async def look(self) -> None:
        """Adopts what there is and brings it into the table. What cannot be read is left for the next look."""
        try:
            with _noting_failure(self._store.root):
                self._held = await self._thread.run(partial(orphans, self._store.root))
            self._store.adopted_bytes = sum([folder.size_bytes for folder in self._held])
            for folder in tuple(self._held):
                with _noting_failure(folder.path):
                    await self._ship(folder)
        finally:
            self._let_go()

    async def left(self) -> AsyncGenerator[list[bytes]]:
        """After the end of `run`: the rows of directories that nobody holds. They also stay where they are."""
        with _noting_failure(self._store.root):
            self._held = await self._thread.run(partial(orphans, self._store.root))
        try:
            for folder in self._held:
                with _noting_failure(folder.path):
                    replay = await self._thread.run(partial(Replay, folder))
                    while rows := await self._thread.run(partial(replay.take, ROWS_AT_ONCE)):
                        yield rows
        finally:
            self._let_go()

    async def _ship(self, folder: Folder) -> None:
        replay, lot = await self._thread.run(partial(Replay, folder)), Lot()
        count = 0
        while rows := await self._thread.run(partial(replay.take, ROWS_AT_ONCE)):
            await self._queue.has_become_short()
            now = time.monotonic()
            for row in rows:
                self._queue.put(lot.holding(row, now))
            count += len(rows)
        self._note(folder, count, replay.damages)
        await lot.settled_all()
        size_bytes = folder.size_bytes
        await self._thread.run(folder.remove)
        self._held.remove(folder)
        self._store.adopted_bytes -= size_bytes

    def _note(self, folder: Folder, rows: int, damages: int) -> None:
        self.folders += 1
        self.rows += rows
        self.damages += damages
        log.info("a journal was adopted", path=str(folder.path), rows=rows, damages=damages)

    def _let_go(self) -> None:
        for folder in self._held:
            folder.release()
        self._held = []
        self._store.adopted_bytes = 0

    @property
    def _thread(self) -> DiskThread:
        return self._store.thread


@contextmanager
def _noting_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as exc:  # noqa: BLE001 -- whatever another process left behind, it must not keep the rest
        reason = reason_of(exc) if isinstance(exc, OSError) else repr(exc)
        log.error("a directory of the journal cannot be read", path=str(path), reason=reason)  # noqa: TRY400 -- said

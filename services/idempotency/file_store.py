"""Keys in a small local file, for a module without Redis: they survive a restart.

The file is an SQLite database with a thread of its own. What is committed has been written to the page cache: that is
safe against the end of the process (a machine that goes down may lose the last moments, never the file).

Whoever holds a key is named by a lock file: every process makes one, locks it while it lives, and the kernel lets go
of the lock however the process ends. So the keys of a dead process are known at once, without a clock, and processes
on one machine may share the folder. (A network file system keeps neither the locks nor the database safe.)

A file that is damaged is set aside, and a new one is begun. A file that cannot be written makes the store "away".
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.budget import Budget
from services.disk_thread import DiskThread
from services.idempotency.key_file import KeyFile
from services.idempotency.store import IdempotencyKeys
from services.idempotency.table import KEPT_SECONDS, KeysAway, Place
from services.ports import Clock, Ending, First, Orphaned, Replay

MOST_KEYS: Final = 100_000
CLOSE_SECONDS: Final = 5.0


class FileTable:
    """A table in a local file."""

    def __init__(
        self, folder: Path, clock: Clock, most_keys: int = MOST_KEYS, kept_seconds: float = KEPT_SECONDS
    ) -> None:
        self._file = KeyFile(folder, clock, most_keys, kept_seconds)
        self._thread: DiskThread | None = None

    async def open(self) -> None:
        """Starts the thread; the file is opened as soon as somebody needs it, and not before."""
        self._thread = DiskThread("idempotency")

    async def close(self) -> None:
        """Closes the file. A disk that hangs is left to the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            budget = Budget.of(CLOSE_SECONDS)
            with suppress(TimeoutError):
                async with budget.within():
                    await thread.run(self._file.close)
            await thread.close(budget)

    async def claim(self, place: Place, fingerprint: str, owner: str) -> First | Replay | Orphaned | None:
        return await self._run(lambda: self._file.claim(place, fingerprint, owner))

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        await self._run(lambda: self._file.settle(place, fingerprint, owner, ending))

    async def running(self, places: Collection[Place]) -> set[Place]:
        return await self._run(lambda: self._file.running(places))

    def holds(self, place: Place, owner: str) -> bool:
        return True

    async def _run[T](self, work: Callable[[], T]) -> T:
        if self._thread is None:
            raise KeysAway("the file of idempotency keys is closed", may_have_claimed=False)
        return await self._thread.run(work)


class FileIdempotencyStore(IdempotencyKeys):
    """Keys shared by every process on this machine that is given the same folder."""

    def __init__(
        self, folder: Path, clock: Clock, most_keys: int = MOST_KEYS, kept_seconds: float = KEPT_SECONDS
    ) -> None:
        super().__init__(FileTable(folder, clock, most_keys, kept_seconds), clock)

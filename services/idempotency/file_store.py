"""Keys in a small local file, for a module without Redis: they survive a restart.

The file is an SQLite database with a thread of its own. What is committed has been written to the page cache: that is
safe against the end of the process (a machine that goes down may lose the last moments, never the file).

Whoever holds a key is named by a lock file: every process makes one, locks it while it lives, and the kernel lets go
of the lock however the process ends. So the keys of a dead process are known at once, without a clock, and processes
on one machine may share the folder. (A network file system keeps neither the locks nor the database safe.)

A file that is damaged is set aside, and a new one is begun. A file that cannot be written makes the store "away".
"""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from services.idempotency.key_file import KeyFile
from services.idempotency.store import IdempotencyKeys
from services.idempotency.table import KEPT_SECONDS, KeysAway, Place
from services.ports import Clock, Ending, First, Orphaned, Replay

MOST_KEYS: Final = 100_000


class FileTable:
    """A table in a local file."""

    def __init__(
        self, folder: Path, clock: Clock, most_keys: int = MOST_KEYS, kept_seconds: float = KEPT_SECONDS
    ) -> None:
        self._file = KeyFile(folder, clock, most_keys, kept_seconds)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="idempotency")
        self._is_closed = False

    async def open(self) -> None:
        """Opens the file as soon as somebody needs it, and not before."""

    async def close(self) -> None:
        await self._run(self._file.close)
        self._is_closed = True
        self._thread.shutdown()

    async def claim(self, place: Place, fingerprint: str, owner: str) -> First | Replay | Orphaned | None:
        return await self._run(lambda: self._file.claim(place, fingerprint, owner))

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        await self._run(lambda: self._file.settle(place, fingerprint, owner, ending))

    async def running(self, places: Collection[Place]) -> set[Place]:
        return await self._run(lambda: self._file.running(places))

    def holds(self, place: Place, owner: str) -> bool:
        return True

    async def _run[T](self, work: Callable[[], T]) -> T:
        if self._is_closed:
            raise KeysAway("the file of idempotency keys is closed", may_have_claimed=False)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class FileIdempotencyStore(IdempotencyKeys):
    """Keys shared by every process on this machine that is given the same folder."""

    def __init__(
        self, folder: Path, clock: Clock, most_keys: int = MOST_KEYS, kept_seconds: float = KEPT_SECONDS
    ) -> None:
        super().__init__(FileTable(folder, clock, most_keys, kept_seconds), clock)

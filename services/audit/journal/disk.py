"""The system calls of the journal, and the thread for those that wait for the disk.

Writing goes to the page cache and is done on the event loop: about a microsecond, and safe from then on against the
end of the process. It goes through a mapping of the file, because a system call would let go of the interpreter's lock
three times an action, and getting it back costs more than all the rest. A file whose room is not certain is written by
system calls: there a full disk is an error, while in a mapping it would be a signal.

What waits for the device (sync, allocate, read, delete) has a thread. It is a daemon: a call that never returns must
not keep the process alive.
"""

import asyncio
import errno
import mmap
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from services.budget import Budget

ALLOWED: Final = 0o600


class Disk:
    """The calls that can fail when a disk is full, read-only, broken or gone. All raise OSError."""

    def __init__(self) -> None:
        self._mapped: dict[int, mmap.mmap] = {}

    def allocate(self, path: Path, size_bytes: int) -> int:
        """Makes a file with room for `size_bytes` and returns its descriptor; leaves nothing when it cannot.

        Where a file system cannot allocate ahead, the room is not certain: a full disk then shows at a write.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, ALLOWED)
        try:
            if _reserve(descriptor, size_bytes):
                self._mapped[descriptor] = mmap.mmap(descriptor, size_bytes)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
        return descriptor

    def write(self, descriptor: int, content: bytes, offset: int) -> None:
        """Writes all of `content`; after an error none of it counts."""
        mapped, end = self._mapped.get(descriptor), offset + len(content)
        if mapped is not None and end <= len(mapped):
            mapped[offset:end] = content
            return
        written = os.pwrite(descriptor, content, offset)
        while written < len(content):
            written += os.pwrite(descriptor, content[written:], offset + written)

    def sync(self, descriptor: int) -> None:
        """Waits until what was written is on the device. A file that was deleted meanwhile is an error."""
        if os.fstat(descriptor).st_nlink == 0:
            raise FileNotFoundError("a file of the journal was deleted")
        os.fdatasync(descriptor)

    def seal(self, descriptor: int, size_bytes: int) -> None:
        """Syncs a file that takes no more, gives back the room it did not need, and closes it."""
        self.unmap(descriptor)
        try:
            os.ftruncate(descriptor, size_bytes)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def unmap(self, descriptor: int) -> None:
        """To be called before a file that `allocate` made is closed or cut."""
        mapped = self._mapped.pop(descriptor, None)
        if mapped is not None:
            mapped.close()


class DiskThread:
    """Runs calls one after the other, for the event loop it is made on. Its owner calls `close`."""

    def __init__(self, name: str = "audit-journal") -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._has_ended = asyncio.Event()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    async def run[T](self, call: Callable[[], T]) -> T:
        """Runs `call` on the thread. Raises what it raises; once cancelled, the call is made nevertheless."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((call, future))
        return cast("T", await future)

    async def close(self, budget: Budget) -> None:
        """Ends the thread after what was asked of it, or leaves it behind when the time is up."""
        self._calls.put(None)
        with suppress(TimeoutError):
            async with budget.within():
                await self._has_ended.wait()

    def _serve(self) -> None:
        while (asked := self._calls.get()) is not None:
            call, future = asked
            try:
                result = call()
            except BaseException as exc:  # noqa: BLE001 -- it belongs to who waits; the thread must go on
                self._on_loop(_settle, future, None, exc)
            else:
                self._on_loop(_settle, future, result, None)
        self._on_loop(self._has_ended.set)

    def _on_loop(self, callback: Callable[..., None], *values: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback, *values)


def _reserve(descriptor: int, size_bytes: int) -> bool:
    """Whether the room is certain from now on."""
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as exc:
        if exc.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
            raise
        os.ftruncate(descriptor, size_bytes)
        return False
    return True


def _settle(future: asyncio.Future[Any], result: object, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)


def reason_of(exc: OSError) -> str:
    """What went wrong, in the system's words."""
    return exc.strerror or str(exc) or type(exc).__name__

"""The system calls of the journal.

Writing goes to the page cache and is done on the event loop: about a microsecond, and safe from then on against the
end of the process. It goes through a mapping of the file, because a system call would let go of the interpreter's lock
three times an action, and getting it back costs more than all the rest. A file whose room is not certain is written by
system calls: there a full disk is an error, while in a mapping it would be a signal.

What waits for the device (sync, allocate, read, delete) is called on a `DiskThread`.
"""

import errno
import mmap
import os
from pathlib import Path
from typing import Final

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


def reason_of(exc: OSError) -> str:
    """What went wrong, in the system's words."""
    return exc.strerror or str(exc) or type(exc).__name__

"""Disks that fail when they are told to, at the one place where the journal calls the system."""

import errno
import os
import threading
from pathlib import Path

from services.audit.journal import Disk


class FailingDisk(Disk):
    """A real disk until `fails_to` names a call that fails, with `error`. `hangs` keeps syncs waiting while set."""

    def __init__(self) -> None:
        super().__init__()
        self.fails_to: set[str] = set()
        self.error = errno.ENOSPC
        self.synced: list[int] = []
        self.may_sync = threading.Event()
        self.may_sync.set()

    def allocate(self, path: Path, size_bytes: int) -> int:
        self._fail("allocate")
        return super().allocate(path, size_bytes)

    def write(self, descriptor: int, content: bytes, offset: int) -> None:
        if "write" in self.fails_to:
            os.pwrite(descriptor, content[: len(content) // 2], offset)  # as far as it got
        self._fail("write")
        super().write(descriptor, content, offset)

    def sync(self, descriptor: int) -> None:
        self.may_sync.wait(20)
        self._fail("sync")
        super().sync(descriptor)
        self.synced.append(descriptor)

    def _fail(self, call: str) -> None:
        if call in self.fails_to:
            raise OSError(self.error, os.strerror(self.error))

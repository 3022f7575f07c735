"""The lock file that says that a process lives.

A new file is locked under a name that nobody looks at and then renamed, so that no one meets it unlocked.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

NEW: Final = ".new-"
IN_THE_MAKING_SECONDS: Final = 60.0
"""Making a file takes milliseconds."""


class Holder:
    """A process, as others see it, until `close`."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self.name = uuid4().hex
        self._path = folder / self.name
        new = folder / f"{NEW}{self.name}"
        self._lock = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(self._path)
        except OSError:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Lets go: what this process still held is orphaned."""
        with suppress(OSError):
            self._path.unlink()
        os.close(self._lock)


def is_alive(folder: Path, name: str) -> bool:
    """Whether the process of that name lives. The file of a dead one is removed: there is no second use for it."""
    path = folder / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        with suppress(OSError):
            path.unlink()
        return False
    finally:
        os.close(descriptor)


def remove_dead(folder: Path) -> None:
    """Removes what dead processes left behind, also those that died while they made their file."""
    for path in folder.iterdir():
        if not path.name.startswith(NEW) or _is_old(path):
            is_alive(folder, path.name)


def _is_old(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > IN_THE_MAKING_SECONDS
    return False

"""A directory of segments, and the lock that says whose it is.

Each process writes in a directory of its own under JOURNAL_DIR and holds `flock` on the file `owner` in it. The
kernel lets go of the lock when the process ends, however it ends, so a directory whose lock can be taken is an
orphan, and who takes the lock has adopted it. Several replicas may look at the same moment:

- A new directory is made under a name that nobody looks at and renamed once it is locked: no one meets it unlocked.
- Who empties a directory deletes `owner` last and still locked. Another may have opened that file just before and get
  its lock just after; so whoever gets a lock looks whether the file is still there under its name, and else lets go.

`owner` also tells on which start of which machine the directory was written. A process that was killed lost nothing it
had written; a machine that went down may have lost the last moments.
"""

import fcntl
import os
import re
import socket
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import uuid4

import orjson

from services.audit.journal.disk import ALLOWED, reason_of
from services.audit.journal.segment import segments_in
from services.telemetry import get_logger

log = get_logger(__name__)

OWNER: Final = "owner"
SHIPPED: Final = "shipped"
NEW: Final = ".new-"
NAME: Final = re.compile(r"\d+-[0-9a-f]{12}")
"""A directory of ours; whatever else stands beside them is left alone."""
MOST_AT_ONCE: Final = 100
IN_THE_MAKING_SECONDS: Final = 60.0
"""Making a directory takes milliseconds."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Folder:
    """A directory whose lock this process holds, until `release` or `remove`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def create(cls, root: Path) -> "Folder":
        """A new directory under `root`. Raises OSError."""
        name = f"{os.getpid()}-{uuid4().hex[:12]}"
        hidden = root / (NEW + name)
        hidden.mkdir(parents=True, mode=0o700)
        lock = os.open(hidden / OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, ALLOWED)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(lock, orjson.dumps({"pid": os.getpid(), "host": socket.gethostname(), "boot_id": boot_id()}))
            hidden.rename(root / name)
        except OSError:
            os.close(lock)
            raise
        return cls(root / name, lock)

    @classmethod
    def adopt(cls, path: Path) -> "Folder | None":
        """The directory at `path`, or None when a living process holds it or it is gone. Raises OSError."""
        try:
            lock = os.open(path / OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, ALLOWED)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), (path / OWNER).stat()):
                return cls(path, lock)
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError:
            os.close(lock)
            raise
        os.close(lock)
        return None

    @property
    def is_of_this_boot(self) -> bool:
        """Whether it was written since this machine started: then nothing that was written can be missing."""
        with suppress(ValueError, OSError):
            owner = orjson.loads((self.path / OWNER).read_bytes())
            return isinstance(owner, dict) and bool(owner.get("boot_id")) and owner["boot_id"] == boot_id()
        return False

    @property
    def exists(self) -> bool:
        """Whether it is still there, and ours."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._lock), (self.path / OWNER).stat())
        return False

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in segments_in(self.path))

    def release(self) -> None:
        """Lets go of the directory as it is; another process may adopt it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def remove(self) -> None:
        """Deletes the directory with all that is in it, and lets go."""
        with suppress(FileNotFoundError):
            for path in (*segments_in(self.path), self.path / SHIPPED):
                path.unlink(missing_ok=True)
            (self.path / OWNER).unlink(missing_ok=True)
            with suppress(OSError):  # another process made a file `owner` just now: it removes the directory
                self.path.rmdir()
        self.release()


def orphans(root: Path) -> list[Folder]:
    """Adopts the directories under `root` that no living process holds, the oldest MOST_AT_ONCE of them.

    Raises OSError when `root` cannot be read.
    """
    if not root.is_dir():
        return []
    _remove_unfinished(root)
    named = sorted((path for path in root.iterdir() if NAME.fullmatch(path.name)), key=_age_key)
    adopted = (folder for path in named if (folder := _adopted(path)) is not None)
    return list(islice(adopted, MOST_AT_ONCE))


def _remove_unfinished(root: Path) -> None:
    """Removes what processes left behind that died while they made their directory."""
    for path in root.glob(NEW + "*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > IN_THE_MAKING_SECONDS:
                _remove_unless_held(path)


def _remove_unless_held(path: Path) -> None:
    """Raises OSError, also when it is held after all."""
    with suppress(FileNotFoundError):
        lock = os.open(path / OWNER, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (path / OWNER).unlink()
        finally:
            os.close(lock)
    path.rmdir()


def _age_key(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _adopted(path: Path) -> Folder | None:
    try:
        return Folder.adopt(path)
    except OSError as exc:
        log.warning("a directory of the journal cannot be adopted", path=str(path), reason=reason_of(exc))
        return None


def boot_id() -> str:
    """Which start of which machine this is; empty where the system does not tell."""
    with suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""

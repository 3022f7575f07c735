"""One file of the journal: allocated ahead, appended to, deleted when the table has all of it.

It is allocated ahead so that room which was promised is there when the disk is full, and so that a write needs
nothing from the file system but a page. Each record is written at a remembered offset: what a failed write left
behind is written over by the next.
"""

from pathlib import Path

from services.audit.journal.disk import Disk

SUFFIX = ".journal"


class Segment:
    """A file this process writes. `end` is where the next record goes; counts are of entries that need the file."""

    __slots__ = (
        "_disk",
        "allocated_bytes",
        "descriptor",
        "end",
        "is_damaged",
        "number",
        "open_count",
        "path",
        "settled_to",
        "unsettled_count",
    )

    def __init__(self, number: int, path: Path, descriptor: int, allocated_bytes: int, disk: Disk) -> None:
        self.number = number
        self.path = path
        self.descriptor = descriptor
        self.allocated_bytes = allocated_bytes
        self.end = 0
        self.open_count = 0
        self.unsettled_count = 0
        self.settled_to = 0
        self.is_damaged = False
        self._disk = disk

    @classmethod
    def allocate(cls, folder: Path, number: int, size_bytes: int, disk: Disk) -> "Segment":
        """A new file. Raises OSError."""
        path = path_of(folder, number)
        return cls(number, path, disk.allocate(path, size_bytes), size_bytes, disk)

    @property
    def room_bytes(self) -> int:
        return self.allocated_bytes - self.end

    @property
    def is_needed(self) -> bool:
        """Whether an entry that stands here has no end yet, or a row that the table does not have."""
        return self.open_count > 0 or self.unsettled_count > 0

    def append(self, record: bytes) -> int:
        """Writes a record and returns where it begins. Raises OSError, and then it is not there."""
        start = self.end
        self._disk.write(self.descriptor, record, start)
        self.end = start + len(record)
        self.allocated_bytes = max(self.allocated_bytes, self.end)
        return start

    def settled(self, end: int) -> None:
        """Fulfils `Origin`."""
        self.unsettled_count -= 1
        self.settled_to = max(self.settled_to, end)


def path_of(folder: Path, number: int) -> Path:
    """The file of a segment; names sort as numbers do."""
    return folder / f"{number:08d}{SUFFIX}"


def segments_in(folder: Path) -> list[Path]:
    """The files of a folder, oldest first."""
    return sorted(folder.glob("[0-9]*" + SUFFIX))

"""How far the rows of a directory are in the table: one line of fixed length, written over in place.

Being written over it needs no room on a full disk. Losing it costs nothing but sending rows once more.
"""

import os
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from services.audit.journal.disk import ALLOWED
from services.audit.journal.folder import SHIPPED


class Position(NamedTuple):
    """Where a record ends in a journal: the number of its segment, and an offset in it."""

    segment: int
    offset: int


START = Position(0, 0)


class ShippedMark:
    """The mark of the directory this process writes. Its owner calls `close`."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._file = os.open(folder / SHIPPED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, ALLOWED)

    def move(self, position: Position) -> None:
        """Every row that ends at `position` or before it is in the table. Raises OSError."""
        os.pwrite(self._file, _line(position), 0)

    def close(self) -> None:
        os.close(self._file)


def shipped_to(folder: Path) -> Position:
    """The mark of a directory; its start when there is none that can be trusted."""
    try:
        line = (folder / SHIPPED).read_bytes()
        position = Position(int(line[:12]), int(line[12:24]))
    except (OSError, ValueError):
        return START
    return position if line == _line(position) else START


def _line(position: Position) -> bytes:
    text = b"%11d %11d " % position
    return text + b"%08x\n" % crc32(text)

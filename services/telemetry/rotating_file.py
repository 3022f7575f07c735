"""A log file of bounded size that survives what happens to disks.

The file is renamed to NAME.1 … NAME.5 when it is full, and what was NAME.5 is gone: together never more than
`(OLD_FILES + 1) × LARGEST_FILE_BYTES`. A disk that fills up leaves no half of a line behind, and the next lines are
tried again. A file that was deleted or renamed by somebody else (another process, logrotate) is opened anew.
"""

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Final

from services.telemetry.sinks import LinesLost

LARGEST_FILE_BYTES: Final = 10 * 1024 * 1024
OLD_FILES: Final = 5
MODE: Final = 0o640
"""Log lines name callers and Discord users: not for everybody on the machine."""


class RotatingFile:
    """The file and its predecessors. Raises OSError when the folder cannot be made or the file not be opened."""

    def __init__(self, path: Path, largest_bytes: int = LARGEST_FILE_BYTES, old_files: int = OLD_FILES) -> None:
        self._path = path
        self._largest = largest_bytes
        self._old_files = old_files
        self._file = self._open()

    def write(self, levels: Sequence[int], lines: Sequence[bytes]) -> None:
        """Appends the lines. Raises LinesLost with the number of those that are not in the file, and OSError."""
        self._open_again_if_gone()
        start = 0
        while start < len(lines):
            size = os.fstat(self._file.fileno()).st_size
            end = self._end_of_what_fits(lines, start, self._largest - size)
            if end == start and size:
                self._rotate()
                continue
            end = max(end, start + 1)
            self._append(b"".join(lines[start:end]), size, len(lines) - start)
            start = end

    def close(self) -> None:
        self._file.close()

    @staticmethod
    def _end_of_what_fits(lines: Sequence[bytes], start: int, room: int) -> int:
        for number in range(start, len(lines)):
            room -= len(lines[number])
            if room < 0:
                return number
        return len(lines)

    def _append(self, batch: bytes, size: int, line_count: int) -> None:
        rest = memoryview(batch)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as exc:
            self._file.truncate(size)
            raise LinesLost(line_count) from exc

    def _open(self) -> FileIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return FileIO(self._path, "ab", opener=lambda path, flags: os.open(path, flags, MODE))

    def _open_again_if_gone(self) -> None:
        try:
            is_same = os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            is_same = False
        if not is_same:
            self._replace_by(self._open())

    def _rotate(self) -> None:
        for number in range(self._old_files - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._replace_by(self._open())

    def _replace_by(self, opened: FileIO) -> None:
        self._file.close()
        self._file = opened

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

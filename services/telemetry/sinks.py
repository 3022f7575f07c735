"""Where lines go: standard output, a rotating file, syslog. Used by the writing thread alone."""

import contextlib
import socket
import sys
from collections.abc import Sequence
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from config import SyslogSettings

LARGEST_FILE_BYTES = 10 * 1024 * 1024
OLD_FILES = 5
LARGEST_DATAGRAM_BYTES = 8192


class Sink(Protocol):
    """Takes lines. Raises OSError where it cannot."""

    def write(self, levels: Sequence[int], lines: Sequence[bytes]) -> None:
        """Write the lines; `levels` are the logging levels of each."""

    def close(self) -> None:
        """Give back what is held."""


class StandardOutput:
    """Standard output, as it is when the lines are written."""

    def write(self, levels: Sequence[int], lines: Sequence[bytes]) -> None:
        stream = sys.stdout
        batch = b"".join(lines)
        if hasattr(stream, "buffer"):
            stream.buffer.write(batch)
        else:
            stream.write(batch.decode())
        stream.flush()

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()


class RotatingFile:
    """A file that is renamed to NAME.1 … NAME.5 when it is full; what was NAME.5 is gone.

    Raises OSError when the folder cannot be made or the file not be opened.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = self._open()

    def write(self, levels: Sequence[int], lines: Sequence[bytes]) -> None:
        batch = b"".join(lines)
        if self._file.tell() and self._file.tell() + len(batch) > LARGEST_FILE_BYTES:
            self._rotate()
        self._file.write(batch)
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _open(self) -> BinaryIO:
        return self._path.open("ab")

    def _rotate(self) -> None:
        self._file.close()
        for number in range(OLD_FILES - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self._file = self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class Syslog:
    """A syslog server, over UDP: a line that is lost is lost, and nothing ever waits for it.

    The name is looked up once, here. Raises OSError when it cannot be found.
    """

    def __init__(self, settings: SyslogSettings, module: str) -> None:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_DGRAM)[0]
        family, kind, protocol, _, address = found
        self._address: tuple[Any, ...] = address
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)
        self._facility = SysLogHandler.facility_names[settings.facility.lower()]
        self._ident = f"{module}: ".encode()

    def write(self, levels: Sequence[int], lines: Sequence[bytes]) -> None:
        for level, line in zip(levels, lines, strict=True):
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                priority = self._facility << 3 | _severity(level)
                self._socket.sendto(
                    b"<%d>%b%b" % (priority, self._ident, line[:LARGEST_DATAGRAM_BYTES].rstrip()),
                    self._address,
                )

    def close(self) -> None:
        self._socket.close()


def _severity(level: int) -> int:
    """Give the severity of https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1 for a level of `logging`."""
    for least, severity in ((50, 2), (40, 3), (30, 4), (20, 6)):
        if level >= least:
            return severity
    return 7

"""Where lines go beside a file: standard output and syslog. Used by the writing thread alone."""

import contextlib
import socket
import sys
from collections.abc import Sequence
from logging.handlers import SysLogHandler
from typing import Any, Protocol

from config import SyslogSettings

LARGEST_DATAGRAM_BYTES = 8192
"""More than https://www.rfc-editor.org/rfc/rfc5424#section-6.1 asks every receiver to take; the usual ones do."""


class LinesLost(OSError):
    """Some of the lines of a write, the last ones or not, are not where they should be."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} lines were lost")
        self.count = count


class Sink(Protocol):
    """Takes lines. What it does not take is lost."""

    def write(self, levels: Sequence[int], lines: Sequence[bytes]) -> None:
        """Writes the lines; `levels` are the logging levels of each. Raises LinesLost, and OSError for all of them."""

    def close(self) -> None:
        """Gives back what is held."""


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


class Syslog:
    """A syslog server, over UDP, in the form `<priority>module: line` of https://www.rfc-editor.org/rfc/rfc3164.

    Nothing ever waits for it. A line too long for a datagram is cut between two characters. The server's name is looked
    up once, here. Raises OSError when it cannot be found.
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
        lost = sum(not self._has_left(level, line) for level, line in zip(levels, lines, strict=True))
        if lost:
            raise LinesLost(lost)

    def close(self) -> None:
        self._socket.close()

    def _has_left(self, level: int, line: bytes) -> bool:
        head = b"<%d>%b" % (self._facility << 3 | _severity(level), self._ident)
        try:
            self._socket.sendto(head + _cut(line.rstrip(), LARGEST_DATAGRAM_BYTES - len(head)), self._address)
        except OSError:
            return False
        return True


def _cut(line: bytes, most_bytes: int) -> bytes:
    return line if len(line) <= most_bytes else line[:most_bytes].decode(errors="ignore").encode()


def _severity(level: int) -> int:
    """Gives the severity of https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1 for a level of `logging`."""
    for least, severity in ((50, 2), (40, 3), (30, 4), (20, 6)):
        if level >= least:
            return severity
    return 7

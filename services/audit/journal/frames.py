"""A record as it stands on disk: marker, kind, length, checksum, payload.

The marker begins with a byte that UTF-8 never uses and every payload is UTF-8, so a marker inside a payload cannot
be: after damage the next sound record is found by looking for the next marker whose checksum holds. The checksum
covers kind and length too. No payload ends in a zero byte, so the zeros of a file that was allocated ahead are told
from records without being counted.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

MARKER: Final = b"\xffDA"

INTENT: Final = b"I"
ATTEMPT: Final = b"A"
OUTCOME: Final = b"O"

_HEAD: Final = struct.Struct(">3scI")
_CHECKSUM: Final = struct.Struct(">I")
HEAD_BYTES: Final = _HEAD.size + _CHECKSUM.size


class Record(NamedTuple):
    """A sound record, and where it stands in its file."""

    kind: bytes
    payload: bytes
    start: int
    end: int


class Damage(NamedTuple):
    """A stretch that holds no sound record. At the tail of the last file it is what a sudden end leaves behind."""

    start: int
    end: int
    is_tail: bool


def frame(kind: bytes, payload: bytes) -> bytes:
    """The record of a payload: UTF-8 that does not end in a zero byte."""
    head = _HEAD.pack(MARKER, kind, len(payload))
    return b"".join((head, _CHECKSUM.pack(crc32(payload, crc32(head))), payload))


def records(stored: bytes, start: int = 0) -> Iterator[Record | Damage]:
    """What a file holds from `start` on, in order."""
    position, end = start, len(stored.rstrip(b"\0"))
    while position < end:
        found = _record_at(stored, position)
        if found is None:
            after = _next_sound(stored, position + 1, end)
            yield Damage(position, after, is_tail=after == end)
            position = after
        else:
            yield found
            position = found.end


def _record_at(stored: bytes, start: int) -> Record | None:
    body = start + HEAD_BYTES
    if body > len(stored):
        return None
    marker, kind, length = _HEAD.unpack_from(stored, start)
    if marker != MARKER or body + length > len(stored):
        return None
    (expected,) = _CHECKSUM.unpack_from(stored, start + _HEAD.size)
    payload = stored[body : body + length]
    if crc32(payload, crc32(stored[start : start + _HEAD.size])) != expected:
        return None
    return Record(kind, payload, start, body + length)


def _next_sound(stored: bytes, start: int, end: int) -> int:
    """Where the next sound record begins; `end` when there is none."""
    while (start := stored.find(MARKER, start, end)) >= 0:
        if _record_at(stored, start) is not None:
            return start
        start += 1
    return end

"""The record as lines of JSON, read piece by piece. Runs on the reader's thread.

A piece is one short query of its own, from where the last one ended: nobody's transaction stays open while a caller
reads slowly, and others who read the record wait for one piece at most. How many rows are a piece follows from how
large they are, so that what is held at a time does not.

Oldest first, up to the row that was written last when the export began: so it ends, however fast rows are written. Rows
that waited for the database are written late with the time they were accepted: the next export has to begin as far
before the end of this one as rows may be late, and passes over each `action_id` that is there already.
"""

from typing import Final, NamedTuple

import orjson

from services.audit.cursor import Place
from services.audit.selection import export_query, place_of_row, rows_of
from services.database import Session
from services.ports import ActionFilter, ActionRow

FIRST_ROWS: Final = 100
FEWEST_ROWS: Final = 5
MOST_ROWS: Final = 400
SMALL_BYTES: Final = 128 * 1024
LARGE_BYTES: Final = 512 * 1024

_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_APPEND_NEWLINE


class Piece(NamedTuple):
    """Whole lines, how many they are, and the place of the last one."""

    lines: bytes
    rows: int
    ends_at: Place | None


def piece_of_export(session: Session, wanted: ActionFilter, rows: int, after: Place | None, last_id: int) -> Piece:
    """The next `rows` rows after a place, as lines."""
    found = rows_of(session, export_query(wanted, rows, after, last_id))
    return Piece(b"".join(map(line, found)), len(found), place_of_row(found[-1]) if found else None)


def line(row: ActionRow) -> bytes:
    """A row as one line of JSON, as REST writes it."""
    return orjson.dumps(row, option=_OPTIONS)


def next_size(rows: int, piece: Piece) -> int:
    """How many rows to ask for after a piece of `rows`."""
    if len(piece.lines) > LARGE_BYTES:
        return max(rows // 2, FEWEST_ROWS)
    return min(rows * 2, MOST_ROWS) if len(piece.lines) < SMALL_BYTES else rows

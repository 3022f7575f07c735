"""The place in the record where a page ended, as text that callers pass back.

Rows are read by (created_at, id), newest first. They are not written in that order: a row is shipped when its action
ends, so one accepted earlier may get the higher id. A cursor therefore names both: it points between two rows whatever
is written meanwhile, a row is never shown twice, and none that was there when the reading began is missed.
"""

import base64
import binascii
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from services.audit.columns import time_text
from services.errors import InvalidArgument, Violation

VERSION: Final = 1


class Place(NamedTuple):
    """The last row of a page: its time as `columns.time_text` writes it, and its id."""

    created_at: str
    row_id: int


def cursor_of(place: Place) -> str:
    """The cursor that continues after `place`."""
    encoded = orjson.dumps([VERSION, place.created_at, place.row_id])
    return base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()


def place_of(cursor: str) -> Place:
    """The place a cursor of ours names. Raises InvalidArgument for any other text."""
    match _decoded(cursor):
        case [int(version), str(time), int(row_id)] if version == VERSION and _is_time(time) and _is_id(row_id):
            return Place(time, row_id)
    raise InvalidArgument([Violation(("cursor",), "must be a next_cursor from an earlier page")])


def _is_id(number: int) -> bool:
    return number is not True and 0 < number < 2**63


def _is_time(text: str) -> bool:
    try:
        return time_text(datetime.fromisoformat(text)) == text
    except ValueError:
        return False


def _decoded(cursor: str) -> Any:
    try:
        return orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):  # not ASCII, not base64, not JSON
        return None

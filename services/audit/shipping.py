"""Rows into the table, one statement a batch. Runs on the writer's thread.

Both databases take a batch as one JSON document and unpack it themselves, which costs a fifth of one INSERT per
row. A row that is there already is left alone, so a batch may be sent again whenever it is not known to have arrived.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from services.audit.columns import COLUMNS
from services.database import Session

LARGEST_STATEMENT_BYTES: Final = 4_000_000
"""Rows can be large; a statement is not longer than this unless one row is."""

_NAMES: Final = ", ".join(name for name, _ in COLUMNS)

_TYPED: Final = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
_EXTRACTED: Final = ", ".join(f"json_extract(value, '$.{name}')" for name, _ in COLUMNS)
_INSERT: Final = "INSERT INTO discord_actions (" + _NAMES + ") SELECT "
_ONCE: Final = " ON CONFLICT (action_id) DO NOTHING"

_ON_POSTGRESQL: Final = _INSERT + _NAMES + " FROM jsonb_to_recordset(%s::jsonb) AS batch (" + _TYPED + ")" + _ONCE
_ON_SQLITE: Final = _INSERT + _EXTRACTED + " FROM json_each(%s) WHERE TRUE" + _ONCE


def ship(session: Session, rows: Sequence[bytes]) -> None:
    """Writes rows, JSON objects by column, in one transaction.

    Raises DatabaseUnavailable or ValuesRefused, and then wrote nothing.
    """
    insert = _ON_SQLITE if session.is_sqlite else _ON_POSTGRESQL
    for document in _documents(rows):
        session.execute(insert, (document,))


def _documents(rows: Sequence[bytes]) -> Iterator[str]:
    """JSON arrays of rows, none longer than a statement should be."""
    taken: list[bytes] = []
    size = 0
    for row in rows:
        if taken and size + len(row) > LARGEST_STATEMENT_BYTES:
            yield _array(taken)
            taken, size = [], 0
        taken.append(row)
        size += len(row)
    if taken:
        yield _array(taken)


def _array(rows: Sequence[bytes]) -> str:
    return (b"[" + b",".join(rows) + b"]").decode()

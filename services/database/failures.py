"""The two ways a piece of work can fail, and which of a driver's errors is which.

What the database says about values (SQLSTATE classes below) will be said again however often they are sent: the work is
refused. Everything else (no connection, a lock, a full disk, a missing right, a server that became a replica) passes or
is mended: the work can be repeated as it is. Reasons name the error, never the values: a driver's text quotes rows.
"""

import sqlite3
from typing import Final

import psycopg2

REFUSING_CLASSES: Final = frozenset({"22", "23", "44", "54", "P0"})
"""Values, constraints, views' checks, size limits, triggers that raise.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

SEQUENCE_EXHAUSTED: Final = "2200H"
"""Of a refusing class, and yet not about any value: there is no further `id` until the column is made wider."""

DRIVER_ERRORS: Final = (psycopg2.Error, sqlite3.Error)

_CONNECTION_SURVIVES: Final = (
    psycopg2.errors.QueryCanceled,
    psycopg2.DataError,
    psycopg2.IntegrityError,
    psycopg2.ProgrammingError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
)


class DatabaseFailure(Exception):
    """Work that was not done: its transaction was rolled back. `reason` quotes no row and no secret."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class DatabaseUnavailable(DatabaseFailure):
    """The database could not do it now: away, locked, too slow, read-only, too busy. It may succeed later."""


class ValuesRefused(DatabaseFailure):
    """The database refused the values; sent again they would be refused again."""


def failure_of(exc: Exception) -> DatabaseFailure:
    """What a driver's error means."""
    is_refusal = isinstance(exc, sqlite3.IntegrityError | sqlite3.DataError | sqlite3.ProgrammingError)
    if isinstance(exc, psycopg2.Error):
        state = exc.pgcode or ""
        is_refusal = state[:2] in REFUSING_CLASSES and state != SEQUENCE_EXHAUSTED
    return (ValuesRefused if is_refusal else DatabaseUnavailable)(reason_of(exc))


def breaks_connection(exc: BaseException) -> bool:
    """Whether the connection must not be used again after this error.

    A read-only error counts: after a failover a new connection finds the new primary.
    """
    return isinstance(exc, DRIVER_ERRORS) and not isinstance(exc, _CONNECTION_SURVIVES)


def reason_of(exc: Exception) -> str:
    """The error's name and the first line of its text, without the details that quote rows."""
    text = str(exc)
    if isinstance(exc, psycopg2.Error) and exc.diag.message_primary:
        text = exc.diag.message_primary
    first_line = next(iter(text.strip().splitlines()), "")
    return f"{type(exc).__name__}: {first_line[:300]}"

"""The oldest databases that understand our statements; an older one ends the start with a reason that says so.

PostgreSQL 13: `gen_random_uuid()` needs no extension from there on (https://www.postgresql.org/docs/13/release-13.html).
SQLite 3.38: `RETURNING` came with 3.35, and the JSON functions are always there since 3.38
(https://www.sqlite.org/changes.html). Python brings its own SQLite, or takes the system's.
"""

from typing import Final

from services.database.failures import DatabaseFailure
from services.database.session import Session

OLDEST_POSTGRESQL: Final = (13,)
OLDEST_SQLITE: Final = (3, 38)


class DatabaseTooOld(DatabaseFailure):
    """Nobody waits this out: it has to be upgraded."""


def check_version(session: Session) -> None:
    """Raises DatabaseTooOld."""
    if session.is_sqlite:
        text = session.rows("SELECT sqlite_version()")[0][0]
        _require("SQLite", tuple(map(int, text.split("."))), OLDEST_SQLITE)
    else:
        number = int(session.rows("SHOW server_version_num")[0][0])
        _require("PostgreSQL", postgresql_version(number), OLDEST_POSTGRESQL)


def postgresql_version(number: int) -> tuple[int, ...]:
    """From `server_version_num`: 130004 is 13.4, and before 10 there were three parts, 90624 is 9.6.24."""
    if number >= 10_00_00:
        return number // 10_000, number % 10_000
    return number // 10_000, number // 100 % 100, number % 100


def _require(name: str, version: tuple[int, ...], oldest: tuple[int, ...]) -> None:
    if version < oldest:
        raise DatabaseTooOld(f"{name} {_shown(version)} is too old: {_shown(oldest)} or later is needed")


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))

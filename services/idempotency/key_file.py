"""The SQLite file of the keys, as the thread that owns it uses it: https://www.sqlite.org/wal.html."""

import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from services.errors import IdempotencyMismatch, Overloaded
from services.idempotency.answers import from_text, to_text
from services.idempotency.holder import Holder, is_alive, remove_dead
from services.idempotency.table import MISMATCH, NO_ROOM, RETRY_SOON_SECONDS, KeysAway, Place
from services.ports import Clock, Ending, First, Orphaned, Replay, Unsettled
from services.telemetry import get_logger

FILE: Final = "keys.db"
HOLDERS: Final = "holders"
OWNERS_ALONE: Final = 0o700
BUSY_SECONDS: Final = 1.0
BUSY_PAUSE_SECONDS: Final = 0.005
TIDIED_PER_FILE: Final = 100
"""Room is made a hundred times while the file fills once, not at every claim."""

SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS places (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, owner TEXT NOT NULL, holder TEXT NOT NULL, first TEXT NOT NULL,
    began REAL NOT NULL, is_inherited INTEGER NOT NULL DEFAULT 0, answer TEXT, caller TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS places_by_age ON places (began);
"""
HAS_CALLER: Final = "SELECT count(*) FROM pragma_table_info('places') WHERE name = 'caller'"
ADD_CALLER: Final = "ALTER TABLE places ADD COLUMN caller TEXT NOT NULL DEFAULT ''"
"""For a file that was made before there was such a column."""
BY_CALLER: Final = "CREATE INDEX IF NOT EXISTS places_by_caller ON places (caller, began)"
FIND: Final = "SELECT fingerprint, owner, holder, first, began, is_inherited, answer FROM places WHERE key = ?"
TAKE: Final = """
INSERT OR REPLACE INTO places (key, caller, fingerprint, owner, holder, first, began) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
TAKE_OVER: Final = "UPDATE places SET owner = ?, holder = ?, is_inherited = 1 WHERE key = ?"
ANSWER: Final = "UPDATE places SET answer = ? WHERE key = ? AND owner = ? AND answer IS NULL"
ABANDON: Final = "UPDATE places SET holder = '' WHERE key = ? AND owner = ? AND answer IS NULL AND is_inherited"
ORPHAN: Final = "UPDATE places SET holder = '', is_inherited = 1 WHERE key = ? AND owner = ? AND answer IS NULL"
FREE: Final = "DELETE FROM places WHERE key = ? AND owner = ? AND answer IS NULL AND NOT is_inherited"
HELD_BY: Final = "SELECT holder FROM places WHERE key = ? AND answer IS NULL"
EXPIRE: Final = "DELETE FROM places WHERE began < ?"
FORGET_OF_BUSIEST: Final = """
DELETE FROM places WHERE key IN (
    SELECT key FROM places
    WHERE answer IS NOT NULL AND caller = (
        SELECT caller FROM places GROUP BY caller ORDER BY count(*) DESC, caller = ? DESC LIMIT 1
    )
    ORDER BY began LIMIT ?
)
"""
FORGET: Final = """
DELETE FROM places WHERE key IN (SELECT key FROM places WHERE answer IS NOT NULL ORDER BY began LIMIT ?)
"""

log = get_logger(__name__)


class KeyFile:
    """The places in a folder. Every method blocks; all but `close` raise KeysAway."""

    def __init__(self, folder: Path, clock: Clock, most_keys: int, kept_seconds: float) -> None:
        self._folder = folder
        self._clock = clock
        self._most_keys = most_keys
        self._kept_seconds = kept_seconds
        self._database: sqlite3.Connection | None = None
        self._holder: Holder | None = None
        self._claims_until_tidied = 0

    def claim(self, place: Place, fingerprint: str, owner: str) -> First | Replay | Orphaned | None:
        """See `table.KeyTable`."""
        with self._transaction() as (database, holder):
            now = self._now()
            found = database.execute(FIND, (place.key,)).fetchone()
            if found is None or found[4] < now - self._kept_seconds:
                self._tidy_sometimes(database, now, place.caller)
                database.execute(TAKE, (*_named(place), fingerprint, owner, holder.name, owner, now))
                return First()
            return self._met(database, place, found, (fingerprint, owner), now)

    def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        """See `table.KeyTable`."""
        with self._transaction() as (database, holder):
            if ending is None:
                database.execute(ABANDON, (place.key, owner))
                database.execute(FREE, (place.key, owner))
                return
            is_there = database.execute(FIND, (place.key,)).fetchone() is not None
            if isinstance(ending, Unsettled) and is_there:
                database.execute(ORPHAN, (place.key, owner))
                return
            answer = ending.answer if isinstance(ending, Unsettled) else ending
            if not is_there:
                database.execute(TAKE, (*_named(place), fingerprint, owner, holder.name, owner, self._now()))
            database.execute(ANSWER, (to_text(answer), place.key, owner))

    def running(self, places: Collection[Place]) -> set[Place]:
        """See `table.KeyTable`."""
        with self._transaction() as (database, _):
            holders = {place: database.execute(HELD_BY, (place.key,)).fetchone() for place in places}
            return {place for place, held in holders.items() if held is not None and self._is_alive(held[0])}

    def close(self) -> None:
        """Closes the file; the keys still held are orphaned."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def _met(
        self,
        database: sqlite3.Connection,
        place: Place,
        found: tuple[str, str, str, str, float, int, str | None],
        asked: tuple[str, str],
        now: float,
    ) -> First | Replay | Orphaned | None:
        """What it means that the place is taken."""
        fingerprint, owner, holder, first, began, is_inherited, answer = found
        if fingerprint != asked[0]:
            raise IdempotencyMismatch(MISMATCH)
        if answer is not None:
            return Replay(from_text(answer))
        if owner == asked[1] and not is_inherited:
            return First()
        if owner != asked[1] and self._is_alive(holder):
            return None
        assert self._holder is not None  # noqa: S101 -- opened by the transaction
        database.execute(TAKE_OVER, (asked[1], self._holder.name, place.key))
        return Orphaned(first, now - began)

    def _is_alive(self, name: str) -> bool:
        if self._holder is not None and name == self._holder.name:
            return True
        return name != "" and is_alive(self._folder / HOLDERS, name)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _tidy_sometimes(self, database: sqlite3.Connection, now: float, caller: str) -> None:
        """Forgets what is too old, and past the bound the oldest answered ones of the caller that has most."""
        if self._claims_until_tidied > 0:
            self._claims_until_tidied -= 1
            return
        at_once = self._most_keys // TIDIED_PER_FILE
        database.execute(EXPIRE, (now - self._kept_seconds,))
        (count,) = database.execute("SELECT count(*) FROM places").fetchone()
        count -= _forget(database, count + at_once + 1 - self._most_keys, caller)
        if count >= self._most_keys:
            raise Overloaded(NO_ROOM, retry_after_seconds=RETRY_SOON_SECONDS)
        self._claims_until_tidied = at_once

    # ── the file ──

    @contextmanager
    def _transaction(self) -> Iterator[tuple[sqlite3.Connection, Holder]]:
        try:
            database, holder = self._opened()
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database, holder
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")
        except (sqlite3.Error, OSError) as exc:
            self._recover(exc)
            raise KeysAway(f"the file of idempotency keys: {exc}", may_have_claimed=True) from exc

    def _opened(self) -> tuple[sqlite3.Connection, Holder]:
        if self._holder is None:
            holders = self._folder / HOLDERS
            self._folder.mkdir(OWNERS_ALONE, parents=True, exist_ok=True)
            holders.mkdir(OWNERS_ALONE, exist_ok=True)
            remove_dead(holders)
            self._holder = Holder(holders)
        if self._database is None:
            self._database = sqlite3.connect(self._folder / FILE, timeout=BUSY_SECONDS, isolation_level=None)
            _prepare(self._database)
        return self._database, self._holder

    def _recover(self, exc: Exception) -> None:
        """Opens the file anew next time; what is no database any more is set aside."""
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        is_damaged = isinstance(exc, sqlite3.DatabaseError) and exc.sqlite_errorname in {
            "SQLITE_CORRUPT",
            "SQLITE_NOTADB",
        }
        if not is_damaged:
            log.warning("idempotency keys cannot be kept", reason=str(exc))
            return
        aside = self._folder / f"{FILE}.damaged-{self._clock.now():%Y%m%dT%H%M%S}"
        log.error("the file of idempotency keys is damaged and set aside", reason=str(exc), file=str(aside))
        with suppress(OSError):
            (self._folder / FILE).rename(aside)


def _named(place: Place) -> tuple[str, str]:
    return place.key, place.caller


def _forget(database: sqlite3.Connection, number: int, caller: str) -> int:
    """Makes room for so many, and says for how many it could. Of those that have most, the one that asks goes first."""
    if number <= 0:
        return 0
    forgotten = database.execute(FORGET_OF_BUSIEST, (caller, number)).rowcount
    return forgotten + database.execute(FORGET, (number - forgotten,)).rowcount


def _prepare(database: sqlite3.Connection) -> None:
    """Makes the tables. SQLite does not wait by itself for another process that just changes to WAL."""
    gives_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.executescript(SCHEMA)
            if not database.execute(HAS_CALLER).fetchone()[0]:
                database.execute(ADD_CALLER)
            database.execute(BY_CALLER)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > gives_up:
                raise
            time.sleep(BUSY_PAUSE_SECONDS)
        else:
            return

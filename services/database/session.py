"""One connection through PyDAL, for the one thread that opened it.

After any error but a refused value or a cancelled statement the connection is thrown away: PyDAL would keep a dead one
for ever. Work that finds its connection dead is run once more on a new one, which is safe because the server rolled the
first try back; a failed commit is not repeated.
"""

import os
import socket
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from pydal import DAL

from services.database.address import Address
from services.database.failures import (
    DRIVER_ERRORS,
    DatabaseFailure,
    DatabaseUnavailable,
    breaks_connection,
    failure_of,
)

IDLE_IN_TRANSACTION_SECONDS: Final = 60
OWNER_ALONE: Final = 0o600
SQLITE_STEPS_BETWEEN_LOOKS: Final = 10_000


class Session:
    """The connection of one thread. Only `sever` may be called from another."""

    def __init__(self, address: Address, name: str, *, statement_seconds: float, is_read_only: bool = False) -> None:
        self._address = address
        self._name = name
        self._statement_seconds = statement_seconds
        self._is_read_only = is_read_only
        self._dal: DAL | None = None
        self._connection: Any = None
        self._is_severed = False
        self._ends_at = 0.0
        self._has_limit = True
        self.is_sqlite = address.is_sqlite

    @property
    def dal(self) -> DAL:
        """PyDAL itself, connected. Only inside `perform`."""
        if self._dal is None:
            raise RuntimeError("the session is not open")
        return self._dal

    def perform[T](self, work: Callable[["Session"], T]) -> T:
        """Runs `work` in one transaction.

        Raises what `work` raises; a driver's error becomes DatabaseUnavailable or ValuesRefused.
        """
        self._is_severed = False
        self._has_limit = True
        was_connected = self._connect()
        try:
            result = self._attempt(work)
        except DRIVER_ERRORS as exc:
            if self._is_severed or not (was_connected and _is_lost(exc)):
                raise failure_of(exc) from None
            result = self._second_attempt(work)
        self._commit()
        return result

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """Runs one statement; `%s` stands for a value in either database."""
        self._ends_at = time.monotonic() + self._statement_seconds
        if not values:
            self._adapter.execute(sql)
        elif self.is_sqlite:
            self._adapter.execute(sql.replace("%s", "?"), values)
        else:
            self._adapter.execute(sql, values)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of one query. PyDAL's own `executesql` hides errors that come while rows are fetched."""
        self.execute(sql, values)
        return cast("list[tuple[Any, ...]]", self._adapter.cursor.fetchall())

    def lift_statement_limit(self) -> None:
        """Lets the statements of this transaction take as long as they need."""
        self._has_limit = False
        if not self.is_sqlite:
            self.execute("SET LOCAL statement_timeout = 0")

    def sever(self) -> None:
        """Breaks the connection from outside, without waiting, so that a call stuck in it returns."""
        self._is_severed = True
        with suppress(Exception):  # the thread may be closing it at this moment
            connection = self._connection
            if isinstance(connection, sqlite3.Connection):
                connection.interrupt()
            elif connection is not None:
                with socket.socket(fileno=os.dup(connection.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection."""
        if self._dal is not None:
            self._drop()
            with suppress(Exception):  # PyDAL's own bookkeeping for a connection that is gone already
                self._dal.close()
            self._dal = None

    # ── connection ──

    @property
    def _adapter(self) -> Any:
        return self.dal._adapter  # noqa: SLF001 -- PyDAL has no public way to reconnect or to fetch without hiding errors

    def _connect(self) -> bool:
        """Connects where there is no connection; whether there was one."""
        if self._connection is not None:
            return True
        try:
            if self._dal is None:
                self._dal = self._open()
            self._connection = self._adapter.get_connection()
            self._prepare()
        except DRIVER_ERRORS as exc:
            self._drop()
            raise failure_of(exc) from None
        return False

    def _open(self) -> DAL:
        if self._address.path is not None:
            _make_folder(self._address.path.parent)
            _make_file(self._address.path)
        driver_args = dict(self._address.driver_args)
        if self.is_sqlite:
            driver_args["timeout"] = self._statement_seconds
        else:
            driver_args.setdefault("application_name", self._name)
        try:
            return DAL(
                self._address.uri,
                pool_size=0,
                migrate=False,
                migrate_enabled=False,
                decode_credentials=True,
                driver_args=driver_args,
                attempts=1,
            )
        except RuntimeError as exc:  # carries the driver's error as the text of a traceback
            raise DatabaseUnavailable(_cause_in(str(exc))) from None

    def _prepare(self) -> None:
        """Settings of the session. Committed at once: a rollback would undo them.

        SQLite puts a commit on the device before it returns, as PostgreSQL does: who wrote a row forgets it then, and a
        revocation that is said to be done must outlive a power cut.
        """
        if self.is_sqlite:
            self.execute("PRAGMA journal_mode=WAL")
            self.execute("PRAGMA synchronous=FULL")
            self.execute(f"PRAGMA query_only={int(self._is_read_only)}")
            self._limit_sqlite_statements()
        else:
            self.execute("SET TIME ZONE 'UTC'")
            self.execute(f"SET statement_timeout = {round(self._statement_seconds * 1000)}")
            self.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'")
            if self._is_read_only:
                self.execute("SET default_transaction_read_only = on")
        self._connection.commit()

    def _limit_sqlite_statements(self) -> None:
        self._connection.set_progress_handler(self._is_over, SQLITE_STEPS_BETWEEN_LOOKS)

    def _is_over(self) -> bool:
        return self._has_limit and time.monotonic() > self._ends_at

    # ── transaction ──

    def _attempt[T](self, work: Callable[["Session"], T]) -> T:
        try:
            return work(self)
        except BaseException as exc:
            self._undo(exc)
            raise

    def _second_attempt[T](self, work: Callable[["Session"], T]) -> T:
        self._connect()
        try:
            return self._attempt(work)
        except DRIVER_ERRORS as exc:
            raise failure_of(exc) from None

    def _commit(self) -> None:
        try:
            self._connection.commit()
        except DRIVER_ERRORS as exc:
            self._undo(exc)
            raise failure_of(exc) from None

    def _undo(self, because: BaseException) -> None:
        if breaks_connection(because):
            self._drop()
            return
        try:
            self._connection.rollback()
        except DRIVER_ERRORS:
            self._drop()

    def _drop(self) -> None:
        self._connection = None
        if self._dal is None:
            return
        with suppress(Exception):  # whatever state it is in, it is thrown away
            self._adapter.close(action=None, really=True)
        self._adapter.set_connection(None)


def _make_folder(folder: Path) -> None:
    """Raises DatabaseFailure, which nobody waits out: a folder that cannot be made is not on its way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise DatabaseFailure(f"the folder {folder} of DATABASE_URL cannot be made: {exc.strerror}") from None


def _make_file(path: Path) -> None:
    """Makes the file for its owner alone, because it will hold the record. What is wrong with it, SQLite says.

    One that exists is never opened: to close it would give up the locks of this process's other connections, and the
    next process to leave would delete the log they write (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ALONE))


def _is_lost(exc: BaseException) -> bool:
    """Whether the server had closed the connection before the work reached it: it has no SQLSTATE, or an admin's."""
    return breaks_connection(exc) and str(getattr(exc, "pgcode", "-") or "57P01").startswith("57P")


def _cause_in(traceback_text: str) -> str:
    """The last error named in the text of a traceback, on one line."""
    lines = [line.strip() for line in traceback_text.splitlines() if line[:1].strip() and ": " in line]
    return lines[-1][:300] if lines else "the database cannot be reached"

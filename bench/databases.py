"""The database under the module: PostgreSQL from a wheel, or a SQLite file; started for the run and thrown away."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

COUNT: Final = "SELECT count(*) FROM discord_actions"


class Database(Protocol):
    """What a measurement asks of a database."""

    name: str
    url: str

    def rows(self) -> int:
        """How many actions are on the record."""

    def number(self, sql: str) -> float:
        """What a statement that gives one number gives."""

    def lock(self) -> None:
        """Locks the table against everybody else."""

    def unlock(self) -> None:
        """Lets the others go on."""


class SqliteDatabase:
    """A file. Its lock stops writers; readers go on, as SQLite has it."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "actions.db"
        self.url = f"sqlite:///{self._path}"
        self._locker: sqlite3.Connection | None = None

    def rows(self) -> int:
        return int(self.number(COUNT))

    def number(self, sql: str) -> float:
        with closing(sqlite3.connect(self._path)) as connection:
            return float(connection.execute(sql).fetchone()[0])

    def lock(self) -> None:
        self._locker = sqlite3.connect(self._path, isolation_level=None)
        self._locker.execute("BEGIN EXCLUSIVE")

    def unlock(self) -> None:
        if self._locker is not None:
            self._locker.close()


class PostgresDatabase:
    """A database of its own on a server of its own."""

    name = "PostgreSQL"

    def __init__(self, url: str) -> None:
        import psycopg2  # noqa: PLC0415  # measuring on SQLite needs no driver

        self.url = url
        self._connect = psycopg2.connect
        self._locker = psycopg2.connect(url, connect_timeout=5)

    def rows(self) -> int:
        return int(self.number(COUNT))

    def number(self, sql: str) -> float:
        with closing(self._connect(self.url, connect_timeout=5)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            found = cursor.fetchone()
            return float(found[0]) if found else 0.0

    def lock(self) -> None:
        with self._locker.cursor() as cursor:
            cursor.execute("LOCK TABLE discord_actions IN ACCESS EXCLUSIVE MODE")

    def unlock(self) -> None:
        self._locker.rollback()

    def close(self) -> None:
        self._locker.close()


@contextmanager
def running_database(kind: str) -> Iterator[Database]:
    """An empty database for the length of the block; `kind` is `postgresql` or `sqlite`."""
    with TemporaryDirectory(prefix="bench-database-") as name:
        if kind == "sqlite":
            yield SqliteDatabase(Path(name))
        else:
            yield from _running_postgres(Path(name))


def _running_postgres(folder: Path) -> Iterator[Database]:
    from tests.support.postgres import PostgresServer  # noqa: PLC0415  # brings packages that only the tests need

    server = PostgresServer(folder)
    server.start()
    try:
        with closing(PostgresDatabase(server.create_database())) as database:
            yield database
    finally:
        server.stop()

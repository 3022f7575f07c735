"""SQLite's file, while other processes come and go: the operator's commands beside a module that serves.

A process that closes any handle on the file gives up all locks it has on it, SQLite's own included
(https://www.sqlite.org/howtocorrupt.html, "Posix advisory locks"). The next process to leave then takes itself for the
last one and deletes the write-ahead log that the first still writes.
"""

import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from config import Secret
from services.database import Database, Session

ANOTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("INSERT INTO numbers (n) VALUES (?)", (int(sys.argv[2]),))
print(connection.execute("SELECT count(*) FROM numbers").fetchone()[0])
connection.close()
"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(Secret(f"sqlite:///{tmp_path / 'actions.db'}")) as opened:
        await opened.writer.run(lambda session: session.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"), 5)
        yield opened


def another_process_inserts(path: Path, number: int) -> int:
    """Comes, inserts, counts and leaves; gives the number of rows it saw."""
    command = [sys.executable, "-c", ANOTHER, str(path), str(number)]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)


def insert(session: Session, number: int) -> None:
    session.execute("INSERT INTO numbers (n) VALUES (%s)", (number,))


def count(session: Session) -> int:
    return int(session.rows("SELECT count(*) FROM numbers")[0][0])


async def test_processes_that_come_and_go_see_what_we_write_and_we_see_theirs(
    database: Database, tmp_path: Path
) -> None:
    assert await database.reader.run(count, 5) == 0
    for number in range(4):
        await database.writer.run(partial(insert, number=number), 5)
        assert another_process_inserts(tmp_path / "actions.db", 100 + number) == 2 * number + 2
        assert await database.reader.run(count, 5) == 2 * number + 2
        assert await database.writer.run(count, 5) == 2 * number + 2


async def test_what_is_committed_is_on_the_device(database: Database) -> None:
    """The journal lets go of a row that is in the table: then the table alone carries it through a power cut."""
    full = 2  # https://www.sqlite.org/pragma.html#pragma_synchronous
    assert await database.writer.run(lambda session: session.rows("PRAGMA synchronous"), 5) == [(full,)]

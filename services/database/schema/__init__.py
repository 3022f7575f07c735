"""The tables: created from nothing, and migrated step by step, by any number of replicas at once.

Every step is written so that running it on what it made changes nothing. The steps that are missing run in one
transaction under one lock for the whole database, so replicas that start together do it once and see all or nothing.
A database that is up to date takes no lock at all: replicas start while the tables are locked. A newer version than
ours is left alone: steps only ever add, so an older release can still work while it is being replaced.

Locks on a table that is there already: adding `action_id` rewrites the table, and building an index holds
writers up (readers not). Both last seconds for a million rows, and nobody waits for them: rows wait in the writer's
queue. What must not happen is that our request for the lock queues behind a long transaction of somebody else and
everybody queues behind us, so it is given up after LOCK_SECONDS and tried again.
"""

from collections.abc import Callable
from typing import Final

from services.database.schema import postgresql, sqlite
from services.database.session import Session
from services.database.versions import check_version

LOCK_SECONDS: Final = 10
TURN_SECONDS: Final = 600
ADVISORY_LOCK: Final = 0x6469_7363_6F72_6461
"""Any number that no other program uses on this database; this one spells a word."""

STEPS: Final[tuple[tuple[Callable[[Session], None], Callable[[Session], None]], ...]] = (
    (postgresql.create_actions, sqlite.create_actions),
    (postgresql.index_actions, sqlite.index_actions),
    (postgresql.create_clients, sqlite.create_clients),
    (postgresql.index_outcomes, sqlite.index_outcomes),
    (postgresql.bound_clients, sqlite.bound_clients),
)
"""Each step on PostgreSQL and on SQLite. Only ever appended to."""


def bring_up_to_date(session: Session) -> None:
    """Runs the steps that are missing. Raises DatabaseUnavailable or DatabaseTooOld, and then nothing was changed."""
    check_version(session)
    if _version(session) >= len(STEPS):
        return
    _take_turn(session)
    session.execute(_VERSIONS)
    for version, step in enumerate(STEPS[_version(session) :], start=_version(session) + 1):
        step[session.is_sqlite](session)
        session.execute("INSERT INTO discord_action_schema (version) VALUES (%s)", (version,))


_VERSIONS = """
CREATE TABLE IF NOT EXISTS discord_action_schema (
    version INTEGER PRIMARY KEY,
    applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


def _version(session: Session) -> int:
    """The last step that was run; 0 for a database that never saw one."""
    exists = (
        "SELECT name FROM sqlite_master WHERE name = 'discord_action_schema'"
        if session.is_sqlite
        else "SELECT name FROM (SELECT to_regclass('discord_action_schema') AS name) AS found WHERE name IS NOT NULL"
    )
    if not session.rows(exists):
        return 0
    return int(session.rows("SELECT coalesce(max(version), 0) FROM discord_action_schema")[0][0])


def _take_turn(session: Session) -> None:
    """Waits until no other replica migrates, and keeps the others waiting until this transaction ends."""
    session.lift_statement_limit()
    if session.is_sqlite:
        session.execute("BEGIN IMMEDIATE")
        return
    session.execute(f"SET LOCAL lock_timeout = '{TURN_SECONDS}s'")
    session.execute("SELECT pg_advisory_xact_lock(%s)", (ADVISORY_LOCK,))
    session.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")

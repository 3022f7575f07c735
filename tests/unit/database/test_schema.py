import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from config import Secret
from services.database import Address, Database, DatabaseUnavailable, Session
from services.database.schema import STEPS, bring_up_to_date
from tests.support.postgres import PostgresServer
from tests.support.programs import free_port

TEN_COLUMNS = """
CREATE TABLE discord_actions (
    id {serial},
    action_type VARCHAR(50) NOT NULL,
    guild_id VARCHAR(50), channel_id VARCHAR(50), user_id VARCHAR(50),
    success BOOLEAN DEFAULT TRUE,
    error_message TEXT,
    request_data {json}, response_data {json},
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
)
"""
OLD_ROWS = """
INSERT INTO discord_actions
    (action_type, guild_id, channel_id, user_id, success, error_message, request_data, created_at)
VALUES
    ('ban_user', '1', NULL, '2', FALSE, 'Missing Permissions', '{"reason": "spam"}', '2024-05-06 07:08:09.123456'),
    ('send_message', NULL, '3', NULL, TRUE, NULL, '{"content": "hi"}', '2024-05-06 07:08:10')
"""
REPLICAS = 6

Run = Callable[[Callable[[Session], Any]], Any]


@contextmanager
def session_on(url: str) -> Iterator[Run]:
    session = Session(Address.parse(url), "test", statement_seconds=10)
    yield session.perform
    session.close()


def make_ten_columns(session: Session) -> None:
    serial, json = (
        ("INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT") if session.is_sqlite else ("SERIAL PRIMARY KEY", "JSONB")
    )
    session.execute(TEN_COLUMNS.format(serial=serial, json=json))
    session.execute(OLD_ROWS)


async def start_together(url: str) -> None:
    replicas = [Database(Secret(url)) for _ in range(REPLICAS)]
    await asyncio.gather(*(replica.start() for replica in replicas))
    await asyncio.gather(*(replica.close() for replica in replicas))


async def test_replicas_that_start_together_on_nothing_make_one_table(database_url: str) -> None:
    await start_together(database_url)
    with session_on(database_url) as run:
        assert run(lambda session: session.rows("SELECT count(*) FROM discord_actions")) == [(0,)]
        versions = run(lambda session: session.rows("SELECT version FROM discord_action_schema ORDER BY version"))
        assert versions == [(version,) for version in range(1, len(STEPS) + 1)]


async def test_replicas_that_start_together_on_the_ten_columns_keep_every_row(database_url: str) -> None:
    with session_on(database_url) as run:
        run(make_ten_columns)
        await start_together(database_url)
        kept = run(
            lambda session: session.rows(
                "SELECT id, action_type, guild_id, channel_id, user_id, success, error_message, client_id"
                " FROM discord_actions ORDER BY id"
            )
        )
        ids = run(lambda session: session.rows("SELECT DISTINCT action_id FROM discord_actions"))
    assert kept == [
        (1, "ban_user", "1", None, "2", False, "Missing Permissions", None),
        (2, "send_message", None, "3", None, True, None, None),
    ]
    assert [len(action_id) for (action_id,) in ids] == [36, 36]


def test_a_step_that_ran_may_run_again(database_url: str) -> None:
    with session_on(database_url) as run:
        run(bring_up_to_date)
        run(lambda session: session.execute("DELETE FROM discord_action_schema"))
        run(bring_up_to_date)
        assert run(lambda session: session.rows("SELECT count(*) FROM discord_action_schema")) == [(len(STEPS),)]


def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    with session_on(database_url) as run:
        run(bring_up_to_date)
        run(lambda session: session.execute("INSERT INTO discord_action_schema (version) VALUES (99)"))
        run(bring_up_to_date)
        assert run(lambda session: session.rows("SELECT max(version) FROM discord_action_schema")) == [(99,)]


def test_a_failed_step_leaves_nothing_behind(database_url: str) -> None:
    with session_on(database_url) as run:
        run(lambda session: session.execute("CREATE VIEW discord_clients AS SELECT 1 AS one"))
        run(lambda session: session.execute("CREATE VIEW discord_actions AS SELECT 1 AS action_id"))
        with pytest.raises(DatabaseUnavailable):
            run(bring_up_to_date)
        run(lambda session: session.execute("DROP VIEW discord_actions"))
        run(lambda session: session.execute("DROP VIEW discord_clients"))
        run(bring_up_to_date)


@pytest.mark.parametrize("begins_with_ten", [False, True])
def test_postgresql_has_the_contracts_columns(postgres_url: str, begins_with_ten: bool) -> None:
    with session_on(postgres_url) as run:
        if begins_with_ten:
            run(make_ten_columns)
        run(bring_up_to_date)
        found = run(
            lambda session: session.rows(
                "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default"
                " FROM information_schema.columns WHERE table_name = 'discord_actions' ORDER BY ordinal_position"
            )
        )
        unique = run(
            lambda session: session.rows(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = 'discord_actions'::regclass AND contype IN ('p', 'u') ORDER BY contype"
            )
        )
    text, number = "character varying", "integer"
    now = "CURRENT_TIMESTAMP" if begins_with_ten else "now()"
    assert found == [
        ("id", number, None, "NO", "nextval('discord_actions_id_seq'::regclass)"),
        ("action_type", text, 50, "NO", None),
        ("guild_id", text, 50, "YES", None),
        ("channel_id", text, 50, "YES", None),
        ("user_id", text, 50, "YES", None),
        ("success", "boolean", None, "YES", "true"),
        ("error_message", "text", None, "YES", None),
        ("request_data", "jsonb", None, "YES", None),
        ("response_data", "jsonb", None, "YES", None),
        ("created_at", "timestamp without time zone", None, "YES", now),
        ("action_id", text, 36, "NO", None),
        ("client_id", text, 255, "YES", None),
        ("protocol", text, 8, "YES", None),
        ("request_id", text, 128, "YES", None),
        ("idempotency_key", text, 255, "YES", None),
        ("outcome", text, 16, "YES", None),
        ("error_code", text, 64, "YES", None),
        ("discord_status", number, None, "YES", None),
        ("attempts", number, None, "YES", None),
        ("duration_ms", number, None, "YES", None),
    ]
    assert unique == [("PRIMARY KEY (id)",), ("UNIQUE (action_id)",)]


def test_sqlite_reads_the_old_ways_of_writing_true_and_times(sqlite_url: str) -> None:
    with session_on(sqlite_url) as run:
        run(make_ten_columns)
        run(lambda session: session.execute("UPDATE discord_actions SET success = 'F' WHERE id = 2"))
        run(bring_up_to_date)
        found = run(lambda session: session.rows("SELECT success, created_at FROM discord_actions ORDER BY id"))
    assert found == [(0, "2024-05-06 07:08:09.123456"), (0, "2024-05-06 07:08:10.000000")]


async def test_a_database_that_is_up_to_date_is_started_on_while_the_table_is_locked(postgres_url: str) -> None:
    with session_on(postgres_url) as run, session_on(postgres_url) as run_other:
        run(bring_up_to_date)

        def start_meanwhile(session: Session) -> None:
            session.execute("LOCK TABLE discord_actions IN ACCESS EXCLUSIVE MODE")
            run_other(bring_up_to_date)

        run(start_meanwhile)


async def test_start_waits_for_a_database_that_comes(postgres_server: PostgresServer, postgres_url: str) -> None:
    postgres_server.stop()
    database = Database(Secret(postgres_url))
    starting = asyncio.create_task(database.start())
    await asyncio.sleep(0.3)
    await asyncio.to_thread(postgres_server.start)
    await starting
    await database.close()


async def test_start_gives_up_with_the_reason_and_without_the_password() -> None:
    url = f"postgresql://operator:hunter2@127.0.0.1:{free_port()}/actions"
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match="Connection refused") as given_up:
        await Database(Secret(url), start_seconds=0.1).start()
    assert time.monotonic() - started < 5
    assert "hunter2" not in str(given_up.value)

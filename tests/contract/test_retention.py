"""Old rows go, others stay, on either database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from config import Secret
from services.audit import retention
from services.audit.retention import ADVISORY_LOCK, Retention
from services.database import Database, Session
from services.telemetry import Metrics
from tests.support.record import eventually

DAYS = 30
INSERT = "INSERT INTO discord_actions (action_type, action_id, created_at) VALUES ('ban_user', %s, %s)"


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0.01)
    async with Database(Secret(database_url)) as opened:
        yield opened


async def put(database: Database, *ages_days: float) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)

    def insert(session: Session) -> None:
        for number, age in enumerate(ages_days):
            time = (now - timedelta(days=age)).isoformat(sep=" ", timespec="microseconds")
            session.execute(INSERT, (f"{age}-{number}", time))

    await database.writer.run(insert, 20)


async def count(database: Database) -> int:
    return int((await database.reader.run(lambda s: s.rows("SELECT count(*) FROM discord_actions"), 5))[0][0])


def metric(metrics: Metrics, name: str) -> float:
    lines = metrics.render().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))


async def test_a_round_deletes_what_is_too_old_and_tells_what_is_left(database: Database) -> None:
    await put(database, 400, 31, 30.01, 29.99, 1, 0)
    metrics = Metrics("module", "1")
    kept = await Retention(database.writer, database.reader, DAYS, metrics).round()
    assert kept.deleted == 3
    assert kept.oldest is not None
    assert abs(datetime.now(UTC) - kept.oldest - timedelta(days=29.99)) < timedelta(minutes=1)
    assert await count(database) == 3
    assert metric(metrics, "discord_action_audit_deleted_rows_total") == 3
    age = metric(metrics, "discord_action_audit_oldest_row_age_seconds")
    assert age == pytest.approx(29.99 * 86400, abs=60)


async def test_an_empty_table_has_no_oldest_row(database: Database) -> None:
    assert await Retention(database.writer, database.reader, DAYS).round() == (0, None)


async def test_many_rows_go_in_small_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST_ROWS", 20)
    await put(database, *[100] * 95, 1)
    turns = 0
    run = database.writer.run

    async def counted(work, seconds):  # type: ignore[no-untyped-def]
        nonlocal turns
        turns += 1
        return await run(work, seconds)

    monkeypatch.setattr(database.writer, "run", counted)
    assert (await Retention(database.writer, database.reader, DAYS).round()).deleted == 95
    assert turns == 5
    assert await count(database) == 1


async def test_it_runs_soon_and_again_until_it_is_closed(database: Database) -> None:
    await put(database, 100)
    metrics = Metrics("module", "1")
    async with Retention(database.writer, database.reader, DAYS, metrics, first_seconds=0.01, every_seconds=0.05):
        await eventually(lambda: metric(metrics, "discord_action_audit_deleted_rows_total") == 1)
        await put(database, 200)
        await eventually(lambda: metric(metrics, "discord_action_audit_deleted_rows_total") == 2)
    await put(database, 300)
    await asyncio.sleep(0.2)
    assert await count(database) == 1


async def test_it_goes_on_after_a_round_that_failed(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Database(Secret(postgres_url)) as database:
        await put(database, 100)
        blocker = psycopg2.connect(postgres_url)
        with blocker.cursor() as cursor:
            cursor.execute("LOCK TABLE discord_actions IN ACCESS EXCLUSIVE MODE")
        metrics = Metrics("module", "1")
        async with Retention(database.writer, database.reader, DAYS, metrics, first_seconds=0, every_seconds=0.05):
            await asyncio.sleep(0.6)
            assert metric(metrics, "discord_action_audit_deleted_rows_total") == 0
            blocker.close()
            await eventually(lambda: metric(metrics, "discord_action_audit_deleted_rows_total") == 1)


async def test_one_replica_deletes_at_a_time(postgres_url: str) -> None:
    async with Database(Secret(postgres_url)) as database:
        await put(database, 100)
        other = psycopg2.connect(postgres_url)
        other.autocommit = True
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
            retained = Retention(database.writer, database.reader, DAYS)
            assert (await retained.round()).deleted == 0
            cursor.execute("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))
            assert (await retained.round()).deleted == 1
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,))
            assert cursor.fetchone() == (True,), "the turn was given back"
        other.close()


async def test_a_clock_that_jumped_ahead_deletes_nothing(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Database(Secret(postgres_url)) as database:
        await put(database, 1)
        monkeypatch.setattr(retention, "_now", lambda: datetime.now(UTC) + timedelta(days=10_000))
        assert (await Retention(database.writer, database.reader, DAYS).round()).deleted == 0

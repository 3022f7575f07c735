import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from config import Secret
from services.audit import AuditReader, AuditWriter, Journal
from services.audit.shipper import GATHER_SECONDS
from services.budget import Budget
from services.database import Address, Database, DatabaseThread, Session
from services.errors import AuditUnavailable
from services.ports import ActionFilter
from services.redaction import Redactor
from services.telemetry import Metrics
from tests.support.breaking import breaks_once
from tests.support.postgres import PostgresServer
from tests.support.record import DELIVERED, REJECTED, Record, entry, eventually, loop_lag, open_record

REFUSES_13 = "ALTER TABLE discord_actions ADD CONSTRAINT no_13 CHECK (channel_id <> '13')"
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


async def put_at_rate(record: Record, count: int, seconds: float) -> None:
    """Actions spread evenly over a time."""
    started = time.monotonic()
    for number in range(count):
        await record.put(entry(request_id=str(number)))
        ahead = started + seconds * number / count - time.monotonic()
        if ahead > 0.005 or number % 10 == 0:  # who is late all the time keeps nobody from the loop
            await asyncio.sleep(max(ahead, 0))


async def test_a_row_is_visible_within_a_second_of_its_end(database_url: str) -> None:
    waited = []
    async with open_record(database_url) as record:
        for _ in range(5):
            one = entry()
            await record.put(one)
            ended = time.monotonic()
            while await record.reader.one(one.action_id) is None:  # noqa: ASYNC110 -- a table has no event
                await asyncio.sleep(0.02)
            waited.append(time.monotonic() - ended)
    assert median(waited) < 1  # a machine may stand still once


async def test_rows_that_come_together_leave_together(postgres_server: PostgresServer, postgres_url: str) -> None:
    async with open_record(postgres_url) as record:
        began = time.monotonic()
        for _ in range(300):
            await record.put(entry())
        took = time.monotonic() - began
        assert await record.writer.drained(20)
        written_by = await record.database.reader.run(
            lambda session: session.rows("SELECT count(DISTINCT xmin::text) FROM discord_actions"), 5
        )
    assert written_by[0][0] <= 2 + took / GATHER_SECONDS


async def test_a_steady_stream_of_rows_leaves_in_few_batches(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_record(postgres_url) as record:
        began = time.monotonic()
        await put_at_rate(record, 600, 1.5)
        assert await record.writer.drained(20)
        most = (time.monotonic() - began) / GATHER_SECONDS + 1  # whatever the machine is at: each of them gathered
        written_by = await record.database.reader.run(
            lambda session: session.rows("SELECT count(DISTINCT xmin::text) FROM discord_actions"), 5
        )
    assert written_by[0][0] <= most


async def test_an_outage_in_the_middle_loses_and_doubles_nothing(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_record(postgres_url) as record, loop_lag() as lag:
        load = asyncio.create_task(put_at_rate(record, 2000, 2.0))
        for strike in (postgres_server.stop, postgres_server.kill):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(strike)
            await asyncio.sleep(0.3)
            assert record.writer.health().depth > 0
            await asyncio.to_thread(postgres_server.start)
        await load
        assert await record.writer.drained(30)
        assert await record.count() == (2000, 2000)
        assert record.writer.health().detail == ""
    assert lag.longest < 2  # a loop that waited for the database would stand still for longer


async def test_cut_connections_lose_nothing(postgres_server: PostgresServer, postgres_url: str) -> None:
    database = postgres_url.rpartition("/")[2]
    async with open_record(postgres_url) as record:
        load = asyncio.create_task(put_at_rate(record, 1000, 1.0))
        for _ in range(5):
            await asyncio.sleep(0.15)
            postgres_server.disconnect_all(database)
        await load
        assert await record.writer.drained(30)
        assert await record.count() == (1000, 1000)


async def test_a_database_that_takes_no_writes_is_waited_out(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    database = postgres_url.rpartition("/")[2]
    async with open_record(postgres_url) as record:
        postgres_server.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        postgres_server.disconnect_all(database)
        await record.put(entry())
        await eventually(lambda: "read-only" in record.writer.health().detail)
        postgres_server.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
        assert await record.writer.drained(30)
        assert await record.count() == (1, 1)


async def test_the_loop_runs_on_while_the_table_is_locked(postgres_url: str) -> None:
    async with open_record(postgres_url) as record:
        await record.put(entry())
        assert await record.writer.drained(20)
        locker = Session(Address.parse(postgres_url), "locker", statement_seconds=60)
        is_locked, may_go_on = threading.Event(), threading.Event()

        def lock(session: Session) -> None:
            session.execute("LOCK TABLE discord_actions IN ACCESS EXCLUSIVE MODE")
            is_locked.set()
            may_go_on.wait(30)

        # Whatever waited for the table would wait for this loop, which alone unlocks it.
        locked = asyncio.create_task(asyncio.to_thread(locker.perform, lock))
        await eventually(is_locked.is_set)
        load = asyncio.create_task(put_at_rate(record, 400, 1.5))
        hurried = AuditReader(record.database.reader, read_seconds=0.3)
        async with loop_lag() as lag:
            with pytest.raises(AuditUnavailable):
                await hurried.page(ActionFilter(), 10, None)
            await load
        assert not locked.done()
        may_go_on.set()
        await locked
        assert await record.writer.drained(20)
        locker.close()
        assert lag.longest < 5  # nor did it wait until the statement was given up
        assert await record.count() == (401, 401)


async def test_rows_wait_while_there_is_no_further_id_and_are_written_once_the_column_is_wider(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    database = postgres_url.rpartition("/")[2]
    async with open_record(postgres_url) as record:
        postgres_server.execute("ALTER SEQUENCE discord_actions_id_seq RESTART WITH 2147483647", database)
        await record.put(entry())
        assert await record.writer.drained(20)
        for _ in range(3):
            await record.put(entry())
        await eventually(lambda: "discord_actions_id_seq" in record.writer.health().detail)
        postgres_server.execute("ALTER TABLE discord_actions ALTER COLUMN id TYPE bigint", database)
        postgres_server.execute("ALTER SEQUENCE discord_actions_id_seq AS bigint", database)
        assert await record.writer.drained(30)
        assert await record.count() == (4, 4)
        assert record.writer.health().refused == 0


async def test_a_refused_row_is_set_aside_and_its_neighbours_are_written(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics("module", "1")
    async with open_record(postgres_url, metrics=metrics) as record:
        await record.database.writer.run(lambda s: s.execute(REFUSES_13), 5)
        bad = entry(channel_id="13")
        for number in range(100):
            await record.put(bad if number == 57 else entry())
        assert await record.writer.drained(20)
        assert await record.count() == (99, 99)
        assert [row.action_id for row in record.writer.refused] == [bad.action_id]
        assert "no_13" in record.writer.refused[0].reason
        assert record.writer.health().refused == 1
        await record.put(entry())
        assert await record.writer.drained(20)
    lines = [entry for entry in caplog.records if getattr(entry, "event", "") == "AUDIT"]
    assert [line.__dict__["fields"]["row"]["action_id"] for line in lines] == [bad.action_id]
    assert b'audit_rows_total{result="failed"} 1.0' in metrics.render()
    assert b'audit_rows_total{result="written"} 100.0' in metrics.render()
    for name in (b"audit_oldest_waiting_seconds", b"journal_segments", b"journal_adopted_rows", b"journal_damages"):
        assert b"discord_action_" + name in metrics.render()


async def test_what_of_a_row_breaks_our_own_code_is_left_out(sqlite_url: str, tmp_path: Path) -> None:
    class BrokenRedactor(Redactor):
        def redact(self, text: str) -> str:
            if "poison" in text:
                raise RuntimeError("poisoned")
            return text

    async with (
        Database(Secret(sqlite_url)) as database,
        AuditWriter(database.writer, BrokenRedactor(), Journal(tmp_path, BrokenRedactor())) as writer,
    ):
        for text in ("a", "poison", "b"):
            await writer.end(entry(client_id=text), replace(REJECTED, error_message=text))
        assert await writer.drained(20)
        page = await AuditReader(database.reader).page(ActionFilter(), 10, None)
    assert {(row.client_id, row.error_message) for row in page.rows} == {("a", "a"), ("poison", None), ("b", "b")}


async def test_what_memory_does_not_take_comes_from_the_journal(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_record(postgres_url, most_in_memory=50, journal={"segment_bytes": 32 * 1024}) as record:
        postgres_server.stop()
        try:
            for _ in range(3000):
                await record.put(entry())
            health = record.writer.health()
            assert health.is_writable
            assert health.depth == 3000
            assert health.journal_segments > 20
            await eventually(lambda: "OperationalError" in record.writer.health().detail)
            assert record.writer.health().oldest_age_seconds > 0
        finally:
            postgres_server.start()
        for _ in range(500):
            await record.put(entry())
        assert await record.writer.drained(20)
        await record.put(entry())
        assert await record.writer.drained(20)
        assert await record.count() == (3501, 3501)
        await eventually(lambda: record.writer.health().journal_bytes <= 3 * 32 * 1024)


async def test_past_its_bound_the_journal_refuses_until_rows_are_written(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    bounds = {"segment_bytes": 64 * 1024, "most_bytes": 256 * 1024}
    async with open_record(postgres_url, journal=bounds) as record:
        postgres_server.stop()
        try:
            while record.writer.health().is_writable:
                await record.put(entry())
            put = record.writer.health().depth
            with pytest.raises(AuditUnavailable) as refused:
                await record.writer.begin(entry(request_data={"content": "x" * 20_000}))
            health = record.writer.health()
            assert not health.is_writable
            assert "full" in health.detail
            assert 128 * 1024 < health.journal_bytes <= 256 * 1024
        finally:
            postgres_server.start()
        assert refused.value.is_retryable
        assert refused.value.failure.retry_after_seconds
        assert await record.writer.drained(30)
        await eventually(lambda: record.writer.health().is_writable)
        await record.put(entry())
        assert await record.writer.drained(20)
        assert await record.count() == (put + 1, put + 1)


async def test_closing_writes_what_waits(database_url: str) -> None:
    async with open_record(database_url) as record:
        for _ in range(1200):
            await record.put(entry())
    async with open_record(database_url) as record:
        assert await record.count() == (1200, 1200)


async def test_what_cannot_be_written_before_the_end_is_logged_row_by_row(
    postgres_server: PostgresServer, postgres_url: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    database = Database(Secret(postgres_url))
    await database.start()
    writer = AuditWriter(database.writer, Redactor(), Journal(tmp_path, Redactor()))
    await writer.start()
    postgres_server.stop()
    try:
        entries = [entry(request_data={"token": "hush", "number": number}) for number in range(3)]
        for one in entries:
            await writer.end(one, DELIVERED)
        started = time.monotonic()
        await writer.close(Budget.of(0.5))
        assert time.monotonic() - started < 4
        late = entry()
        await writer.end(late, DELIVERED)
        await database.close()
    finally:
        postgres_server.start()
    rows = [line.__dict__["fields"]["row"] for line in caplog.records if line.levelno == logging.ERROR]
    assert [row["action_id"] for row in rows] == [one.action_id for one in (*entries, late)]
    assert "hush" not in str(rows)
    assert writer.health().logged == 4
    assert not writer.health().is_writable


class Shelf:
    """Takes every row there is."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []

    async def take(self, rows: Sequence[bytes]) -> bool:
        self.rows += rows
        return True


async def test_at_the_end_a_segment_that_is_gone_keeps_no_later_row_from_being_handed_over(tmp_path: Path) -> None:
    shelf, thread = Shelf(), DatabaseThread(Session(Address.parse(NOWHERE), "test", statement_seconds=1), "test")
    journal = Journal(tmp_path, Redactor(), segment_bytes=32 * 1024)
    writer = AuditWriter(thread, Redactor(), journal, most_in_memory=50, handover=shelf)
    await writer.start()
    entries = [entry() for _ in range(2500)]
    for one in entries:
        await writer.begin(one)
        await writer.end(one, DELIVERED)
    gone = journal.store.segments[-5]
    lost = gone.unsettled_count
    gone.path.unlink()
    await writer.close(Budget.of(5))
    await thread.close()
    assert len(shelf.rows) == len(entries) - lost


async def test_without_its_shipper_nothing_is_accepted(sqlite_url: str) -> None:
    async with open_record(sqlite_url) as record:
        task = record.writer._shipper._task
        assert task is not None
        task.cancel()
        await asyncio.wait((task,))
        with pytest.raises(AuditUnavailable):
            await record.writer.begin(entry())
        health = record.writer.health()
        assert not health.is_writable
        assert "task" in health.detail


@pytest.mark.parametrize("broken", ["_gather", "_ship_oldest", "_ship"])
async def test_a_shipper_that_breaks_goes_on_and_ships_every_row_once(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    async with open_record(sqlite_url) as record:
        has_broken = breaks_once(monkeypatch, record.writer._shipper, broken)
        for _ in range(5):
            await record.put(entry())
        assert await record.writer.drained(5)
        assert has_broken.is_set()
        assert await record.count() == (5, 5)
        assert record.writer.health().is_writable


async def test_nothing_is_accepted_before_the_start_and_after_the_end(sqlite_url: str, tmp_path: Path) -> None:
    async with Database(Secret(sqlite_url)) as database:
        writer = AuditWriter(database.writer, Redactor(), Journal(tmp_path, Redactor()))
        with pytest.raises(AuditUnavailable):
            await writer.begin(entry())
        await writer.start()
        await writer.begin(entry())
        await writer.close()
        await writer.close()
        with pytest.raises(AuditUnavailable):
            await writer.begin(entry())

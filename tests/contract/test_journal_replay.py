"""What a process left in its journal comes into the table, on either database, and once."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from config import Secret
from services.audit import AuditWriter, Journal
from services.audit.journal import orphans
from services.budget import Budget
from services.database import Database
from services.errors import AuditUnavailable
from services.ports import AuditEntry
from services.redaction import Redactor
from tests.support.postgres import PostgresServer
from tests.support.record import DELIVERED, REJECTED, Record, entry, eventually, open_record


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def journal_in(root: Path) -> Journal:
    return Journal(root, Redactor(), segment_bytes=64 * 1024)


def folders_in(root: Path) -> list[Path]:
    return list(root.iterdir())


async def left_behind(root: Path, count: int = 1) -> list[AuditEntry]:
    """A directory of a process that ended suddenly: of every four actions one answered, one refused, two open."""
    journal = journal_in(root)
    await journal.start()
    entries = [entry() for _ in range(4 * count)]
    for one in entries:
        journal.begin(one)
    for answered, refused, sent, _ in zip(*[iter(entries)] * 4, strict=True):
        for one in (answered, refused, sent):
            journal.attempt(one)
        journal.end(answered, DELIVERED)
        journal.end(refused, REJECTED)
    await journal.close()
    return entries


async def outcomes(record: Record, entries: list[AuditEntry]) -> list[str | None]:
    rows = [await record.reader.one(one.action_id) for one in entries]
    return [row.outcome if row else None for row in rows]


async def test_leftovers_come_into_the_table_and_their_directory_goes(database_url: str, root: Path) -> None:
    entries = await left_behind(root)
    async with open_record(database_url, root) as record:
        await eventually(lambda: record.writer.health().adopted == 4)
        assert await record.writer.drained(10)
        assert await outcomes(record, entries) == ["delivered", "rejected", "unknown", "not_sent"]
        one = await record.reader.one(entries[2].action_id)
        assert one is not None
        assert (one.error_code, one.request_data) == ("outcome_unknown", entries[2].request_data)
        assert record.writer.health().detail == ""
        await eventually(lambda: len(folders_in(root)) == 1)
    assert folders_in(root) == []


async def test_rows_the_table_has_are_not_doubled_nor_changed(database_url: str, root: Path) -> None:
    entries = await left_behind(root)
    async with open_record(database_url) as record:
        for one in entries:
            await record.put(one, DELIVERED)
        assert await record.writer.drained(10)
    async with open_record(database_url, root) as record:
        await eventually(lambda: record.writer.health().adopted == 4)
        assert await record.writer.drained(10)
        assert await record.count() == (4, 4)
        assert await outcomes(record, entries) == ["delivered"] * 4


async def test_two_that_start_at_once_bring_every_row_once(postgres_url: str, root: Path) -> None:
    for _ in range(6):
        await left_behind(root, 50)
    async with open_record(postgres_url, root) as one, open_record(postgres_url, root) as other:
        await eventually(lambda: one.writer.health().adopted + other.writer.health().adopted == 1200)
        assert await one.writer.drained(10)
        assert await other.writer.drained(10)
        assert await one.count() == (1200, 1200)
    assert folders_in(root) == []


async def test_with_the_database_away_to_the_end_rows_are_told_and_stay(
    postgres_server: PostgresServer, postgres_url: str, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [entry() for _ in range(300)]
    async with Database(Secret(postgres_url)) as database:
        writer = AuditWriter(database.writer, Redactor(), journal_in(root), most_in_memory=50)
        await writer.start()
        postgres_server.stop()
        try:
            for one in entries:
                await writer.begin(one)
                await writer.end(one, DELIVERED)
            await writer.close(Budget.of(0.5))
        finally:
            postgres_server.start()
    lines = [line for line in caplog.records if getattr(line, "event", "") == "AUDIT" and line.levelno == logging.ERROR]
    told = [line.__dict__["fields"]["row"]["action_id"] for line in lines]
    assert told == [one.action_id for one in entries]
    async with open_record(postgres_url, root) as record:
        await eventually(lambda: record.writer.health().adopted == 300)
        assert await record.writer.drained(10)
        assert await record.count() == (300, 300)


async def test_what_a_handover_takes_need_not_stay(
    postgres_server: PostgresServer, postgres_url: str, root: Path
) -> None:
    taken: list[bytes] = []

    class Takes:
        async def take(self, rows: Sequence[bytes]) -> bool:
            taken.extend(rows)
            return True

    async with Database(Secret(postgres_url)) as database:
        journal = journal_in(root)
        writer = AuditWriter(database.writer, Redactor(), journal, most_in_memory=50, handover=Takes())
        await writer.start()
        postgres_server.stop()
        try:
            for _ in range(300):
                one = entry()
                await writer.begin(one)
                await writer.end(one, DELIVERED)
            await writer.close(Budget.of(0.5))
        finally:
            postgres_server.start()
    assert len(taken) == 300
    assert folders_in(root) == []


async def test_a_directory_whose_process_ends_later_is_adopted_then(
    sqlite_url: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.journal.adopter.LOOK_SECONDS", 0.05)
    leaver = journal_in(root)
    await leaver.start()
    one = entry()
    leaver.begin(one)
    leaver.end(one, DELIVERED)
    async with open_record(sqlite_url, root) as record:
        await asyncio.sleep(0.3)
        assert record.writer.health().adopted == 0
        await leaver.close()
        await eventually(lambda: record.writer.health().adopted == 1)
        assert await record.writer.drained(20)
        assert await outcomes(record, [one]) == ["delivered"]


async def test_a_foreign_directory_that_cannot_be_read_keeps_nobody_from_serving(sqlite_url: str, root: Path) -> None:
    await left_behind(root)
    (folder,) = orphans(root)
    folder.release()
    (folder.path / "00000000.journal").mkdir()
    async with open_record(sqlite_url, root) as record:
        await record.put(entry())
        await asyncio.sleep(0.3)
        assert await record.writer.drained(20)
        assert await record.count() == (1, 1)
        assert record.writer.health().is_writable


async def test_without_a_place_to_write_actions_are_refused(sqlite_url: str, root: Path) -> None:
    await asyncio.to_thread(root.write_text, "a file where a directory should be")
    async with open_record(sqlite_url, root) as record:
        with pytest.raises(AuditUnavailable):
            await record.writer.begin(entry())
        assert not record.writer.health().is_writable
        assert "journal" in record.writer.health().detail
        await asyncio.to_thread(root.unlink)
        await eventually(lambda: record.writer.health().is_writable)
        await record.put(entry())
        assert await record.writer.drained(20)

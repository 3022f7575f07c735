"""Rows handed over through a real Redis: given once, claimed by one at a time, dropped when a real table has them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from config import Secret
from services.audit import AuditWriter, Journal, RedisShelf, collector
from services.budget import Budget
from services.database import Database
from services.redaction import Redactor
from services.redis_link import RedisAway, RedisLink
from tests.support.keys import link_to
from tests.support.postgres import PostgresServer
from tests.support.record import DELIVERED, entry, eventually, open_record
from tests.support.valkey import ValkeyServer

ROWS = 700


@pytest.fixture
async def link(valkey_url: str) -> AsyncIterator[RedisLink]:
    async with link_to(valkey_url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "LOOK_SECONDS", 0.05)


def row(action_id: str, padding: int = 0) -> bytes:
    columns = {"action_id": action_id, "action_type": "send_message", "created_at": "2026-01-01 00:00:00.000000"}
    return orjson.dumps({**columns, "success": True, "request_data": {"content": "ä👋" + "x" * padding}})


def rows(number: int, padding: int = 0) -> list[bytes]:
    return [row(f"id-{one:05}", padding) for one in range(number)]


async def claimed_all(shelf: RedisShelf) -> list[bytes]:
    found: list[bytes] = []
    while claimed := await shelf.claim():
        found += claimed
    return found


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    told = [line for line in caplog.records if getattr(line, "event", "") == "AUDIT" and line.levelno == logging.ERROR]
    return [line.__dict__["fields"]["row"]["action_id"] for line in told]


async def test_rows_are_given_once_and_claimed_by_one(link: RedisLink, caplog: pytest.LogCaptureFixture) -> None:
    one, other = RedisShelf(link), RedisShelf(link)
    given = rows(ROWS)
    for _ in range(2):
        assert await one.take(given) is False  # the journal keeps them too
    first, second = await asyncio.gather(claimed_all(one), claimed_all(other))
    assert sorted(first + second) == given
    assert lines(caplog) == []


async def test_what_a_claimant_does_not_drop_is_free_again(link: RedisLink) -> None:
    dies, lives = RedisShelf(link, lease_seconds=1.0), RedisShelf(link)
    await dies.take(rows(5))
    assert await claimed_all(dies) == rows(5)
    assert await lives.claim() == []
    await asyncio.sleep(1.05)
    assert await lives.claim() == rows(5)
    assert await lives.drop([f"id-{one:05}" for one in range(4)]) == 1
    await lives.take(rows(5))
    assert await claimed_all(lives) == rows(4)


async def test_nothing_of_it_expires_and_nothing_is_left_of_what_was_dropped(link: RedisLink) -> None:
    shelf = RedisShelf(link)
    await shelf.take(rows(3))
    names = [link.key("handover", part) for part in ("rows", "due", "size")]
    assert [await link.do("TTL", name) for name in names] == [-1, -1, -1]
    assert await shelf.drop([f"id-{one:05}" for one in range(3)]) == 0
    assert [await link.do("EXISTS", *names[:2]), await link.do("GET", names[2])] == [0, "0"]


@pytest.mark.parametrize("bounds", [{"most_rows": 3}, {"most_bytes": 4 * len(row("id-00000")) - 1}])
async def test_a_full_shelf_takes_no_more_and_the_rest_is_logged(
    link: RedisLink, caplog: pytest.LogCaptureFixture, bounds: dict[str, int]
) -> None:
    shelf = RedisShelf(link, **bounds)  # type: ignore[arg-type]
    await shelf.take(rows(5))
    assert await claimed_all(shelf) == rows(3)
    assert lines(caplog) == ["id-00003", "id-00004"]


async def test_large_rows_are_claimed_a_few_at_a_time(link: RedisLink) -> None:
    shelf = RedisShelf(link)
    large = rows(6, padding=200_000)
    await shelf.take(large)
    assert await shelf.claim() == large[:3]
    assert await shelf.claim() == large[3:]


async def test_while_redis_is_away_rows_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = ValkeyServer(tmp_path)
    server.start()
    try:
        async with link_to(server.url) as link:
            server.kill()
            shelf = RedisShelf(link)
            await shelf.take(rows(3))
            with pytest.raises(RedisAway):
                await shelf.claim()
    finally:
        server.stop()
    assert lines(caplog) == ["id-00000", "id-00001", "id-00002"]


async def test_what_one_process_leaves_another_ships(
    link: RedisLink, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    """Also what is only in the journal, and what the process itself had adopted."""
    ended = [entry() for _ in range(1100)]
    async with Database(Secret(postgres_url)) as database:
        postgres_server.stop()
        try:
            for number, share in enumerate((ended[:300], ended[300:])):
                # The second one adopts the directory of the first.
                shelf = RedisShelf(link) if number else None
                journal = Journal(tmp_path, Redactor())
                writer = AuditWriter(database.writer, Redactor(), journal, most_in_memory=50, shelf=shelf)
                await writer.start()
                for one in share:
                    await writer.begin(one)
                    await writer.end(one, DELIVERED)
                await eventually(lambda w=writer: bool(w.health().detail))  # type: ignore[misc]
                await writer.close(Budget.of(1.5))
        finally:
            postgres_server.start()
    async with open_record(postgres_url, shelf=RedisShelf(link)) as record:
        async with asyncio.timeout(30):
            while await record.count() != (1100, 1100):  # noqa: ASYNC110 -- a table has no event
                await asyncio.sleep(0.05)
        await eventually(lambda: record.writer.health().collected >= 1100)
    assert await claimed_all(RedisShelf(link, lease_seconds=0)) == []


async def test_nobody_collects_while_the_own_database_is_away(
    link: RedisLink, postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_record(postgres_url, shelf=RedisShelf(link)) as record:
        postgres_server.stop()
        try:
            await record.put(entry())
            await eventually(lambda: bool(record.writer.health().detail))
            giver = RedisShelf(link)
            await giver.take(rows(3))
            await asyncio.sleep(0.3)
            assert await giver.claim() == rows(3)
        finally:
            postgres_server.start()
        assert await record.writer.drained(30)


async def test_what_is_no_row_keeps_nobody_from_being_collected(link: RedisLink, postgres_url: str) -> None:
    rows_name, due_name = (link.key("handover", part) for part in ("rows", "due"))
    for name, text in (("a", "not JSON"), ("b", "[]"), ("c", '{"no": "action_id"}')):
        await link.do("HSET", rows_name, name, text)
        await link.do("ZADD", due_name, 0, name)
    await link.do("ZADD", due_name, 0, "without a row")
    async with open_record(postgres_url, shelf=RedisShelf(link)) as record:
        await RedisShelf(link).take(rows(3))
        await eventually(lambda: record.writer.health().collected == 3)
        assert record.writer.health().is_writable
        assert await record.writer.drained(20)
        assert await record.count() == (3, 3)

"""What every record keeps, on either database: `services.ports.AuditLog` and `services.ports.AuditQuery`."""

from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.audit.following import Follower
from services.errors import InvalidArgument, OutcomeKind
from services.ports import ActionFilter, ActionRow, Places, Verdict
from tests.support.record import DELIVERED, REJECTED, Record, entry, open_record

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
EVERYTHING = ActionFilter()


@pytest.fixture
async def record(database_url: str) -> AsyncIterator[Record]:
    async with open_record(database_url) as opened:
        yield opened


async def written(record: Record) -> None:
    assert await record.writer.drained(10)


async def ids_of(record: Record, wanted: ActionFilter, limit: int = 200) -> list[str]:
    """The request ids of every page, in order."""
    found: list[ActionRow] = []
    cursor = None
    while True:
        page = await record.reader.page(wanted, limit, cursor)
        found += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return [row.request_id or "" for row in found]


async def test_a_row_is_read_back_as_it_was_put(record: Record) -> None:
    one = entry(
        created_at=NOON,
        guild_id="1",
        user_id="2",
        protocol="rest",
        idempotency_key="key-1",
        request_data={"content": "héllo 👋", "embed": {"fields": [{"name": "a", "inline": True}]}, "n": 1.5, "x": None},
    )
    verdict = replace(REJECTED, response_data={"code": 10003})
    await record.put(one, verdict)
    await written(record)
    row = await record.reader.one(one.action_id)
    assert row is not None
    for field in fields(one):
        assert getattr(row, field.name) == getattr(one, field.name), field.name
    for name in (
        "error_code",
        "error_message",
        "discord_status",
        "attempts",
        "duration_ms",
        "response_data",
        "success",
    ):
        assert getattr(row, name) == getattr(verdict, name), name
    assert row.outcome == "rejected"
    assert row.created_at.tzinfo is UTC


@pytest.mark.parametrize("kind", OutcomeKind)
async def test_only_delivered_is_success(record: Record, kind: OutcomeKind) -> None:
    one = entry()
    await record.put(one, Verdict(kind))
    await written(record)
    row = await record.reader.one(one.action_id)
    assert row is not None
    assert (row.outcome, row.success) == (kind.value, kind is OutcomeKind.DELIVERED)
    assert row.response_data is None


async def test_the_same_action_is_written_once(record: Record) -> None:
    one = entry()
    await record.put(one)
    await record.put(one, REJECTED)
    await written(record)
    await record.put(one, REJECTED)
    await written(record)
    row = await record.reader.one(one.action_id)
    assert row is not None
    assert row.success
    assert await record.count() == (1, 1)


async def test_an_attempt_makes_no_row_of_its_own(record: Record) -> None:
    one = entry()
    await record.writer.begin(one)
    await record.writer.attempt(one)
    await written(record)
    assert await record.reader.one(one.action_id) is None


@pytest.mark.parametrize("action_id", ["nobody", "", "x" * 1000, "\x00", "\ud800", "' OR ''='"])
async def test_an_unknown_action_has_no_row(record: Record, action_id: str) -> None:
    assert await record.reader.one(action_id) is None


async def test_filters_narrow_together(record: Record) -> None:
    hour = timedelta(hours=1)
    rows: list[tuple[dict[str, Any], Verdict]] = [
        ({"guild_id": "g1", "channel_id": None, "action_type": "ban_user"}, DELIVERED),
        ({"guild_id": "g1", "channel_id": None, "action_type": "kick_user"}, REJECTED),
        ({"guild_id": "g2", "channel_id": None, "user_id": "u1"}, REJECTED),
        ({"channel_id": "c9", "client_id": "other"}, DELIVERED),
    ]
    for number, (fields_of_it, verdict) in enumerate(rows):
        await record.put(entry(request_id=str(number), created_at=NOON + number * hour, **fields_of_it), verdict)
    await written(record)
    for wanted, expected in [
        (EVERYTHING, ["3", "2", "1", "0"]),
        (ActionFilter(guild_id="g1"), ["1", "0"]),
        (ActionFilter(guild_id="g1", success=False), ["1"]),
        (ActionFilter(success=True), ["3", "0"]),
        (ActionFilter(action_type="ban_user"), ["0"]),
        (ActionFilter(user_id="u1"), ["2"]),
        (ActionFilter(channel_id="c9"), ["3"]),
        (ActionFilter(client_id="other"), ["3"]),
        (ActionFilter(outcome="rejected"), ["2", "1"]),
        (ActionFilter(outcome="delivered"), ["3", "0"]),
        (ActionFilter(outcome="unknown"), []),
        (ActionFilter(outcome="rejected", success=True), []),
        (ActionFilter(outcome="rejected", guild_id="g1"), ["1"]),
        (ActionFilter(error_code="discord_unknown_channel"), ["2", "1"]),
        (ActionFilter(error_code="discord_unknown_guild"), []),
        (ActionFilter(places=Places(frozenset({"g1"}))), ["1", "0"]),
        (ActionFilter(places=Places(frozenset({"g1", "g2"}))), ["2", "1", "0"]),
        (ActionFilter(places=Places(frozenset({"g2"}), frozenset({"c9"}))), ["3", "2"]),
        (ActionFilter(places=Places(None, frozenset({"c9"}))), ["3", "2", "1", "0"]),
        (ActionFilter(places=Places(None, frozenset({"c8"}))), ["2", "1", "0"]),
        (ActionFilter(places=Places(frozenset(), frozenset())), []),
        (ActionFilter(places=Places(frozenset({"g1"})), guild_id="g2"), []),
        (ActionFilter(since=NOON + hour, until=NOON + 3 * hour), ["2", "1"]),
        (ActionFilter(since=NOON + hour + timedelta(microseconds=1)), ["3", "2"]),
        (ActionFilter(guild_id="' OR 1=1 --"), []),
        (ActionFilter(guild_id="%"), []),
        (ActionFilter(guild_id="\x00\ud800" * 99), []),
    ]:
        assert await ids_of(record, wanted) == expected, wanted


async def exported(record: Record, wanted: ActionFilter = EVERYTHING, most_rows: int | None = None) -> list[Any]:
    return [
        orjson.loads(line) async for chunk in record.reader.export(wanted, most_rows) for line in chunk.splitlines()
    ]


async def test_an_export_has_every_row_once_oldest_first(record: Record) -> None:
    for number in range(730):
        await record.put(entry(request_id=str(number), created_at=NOON + timedelta(seconds=number // 7)))
    await written(record)
    rows = await exported(record)
    assert [row["request_id"] for row in rows] == list(reversed(await ids_of(record, EVERYTHING)))
    assert len(rows) == 730
    assert len(await exported(record, most_rows=333)) == 333
    assert await exported(record, ActionFilter(guild_id="nowhere")) == []
    assert len(await exported(record, ActionFilter(since=NOON + timedelta(seconds=100)))) == 30


async def test_an_exported_row_is_what_a_page_shows(record: Record) -> None:
    await record.put(entry(created_at=NOON, request_data={"content": "a\nb\u2028 👋", "n": [1.5, None]}), REJECTED)
    await written(record)
    [shown] = (await record.reader.page(EVERYTHING, 10, None)).rows
    assert await exported(record) == [orjson.loads(orjson.dumps(shown, option=orjson.OPT_UTC_Z))]


async def test_rows_written_during_an_export_are_left_for_the_next(record: Record) -> None:
    for number in range(150):
        await record.put(entry(request_id=str(number), created_at=NOON + timedelta(seconds=number)))
    await written(record)
    chunks = record.reader.export(EVERYTHING)
    found = [await anext(chunks)]
    for number in (0, 149, 1000):
        await record.put(entry(request_id="late", created_at=NOON + timedelta(seconds=number)))
    await written(record)
    found += [chunk async for chunk in chunks]
    assert [orjson.loads(line)["request_id"] for line in b"".join(found).splitlines()] == list(map(str, range(150)))


async def test_what_others_wrote_into_a_row_does_not_stop_an_export(record: Record) -> None:
    insert = "INSERT INTO discord_actions (action_type, action_id, request_data) VALUES ('ban_user', 'old', %s)"
    await record.database.writer.run(lambda session: session.execute(insert, ('{"n": 123456789012345678901234}',)), 5)
    [row] = await exported(record)
    assert row["request_data"]["n"] == pytest.approx(123456789012345678901234)


async def test_large_rows_come_in_smaller_pieces(record: Record) -> None:
    for number in range(120):
        await record.put(entry(request_id=str(number), request_data={"content": "x" * 20_000}))
    await written(record)
    sizes = [len(chunk.splitlines()) async for chunk in record.reader.export(EVERYTHING)]
    assert sizes == [100, 20]
    for number in range(120):
        await record.put(entry(request_id=str(number), request_data={"content": "x" * 20_000}))
    await written(record)
    assert [len(chunk.splitlines()) async for chunk in record.reader.export(EVERYTHING)] == [100, 50, 25, 25, 25, 15]


async def test_a_follower_sees_each_row_that_is_written_once(record: Record) -> None:
    await record.put(entry(request_id="before"))
    await written(record)
    follower = Follower(record.reader, ActionFilter(channel_id="123"))
    await follower.begin()
    assert await follower.written() == []
    for number in range(3):
        await record.put(entry(request_id=str(number), created_at=NOON - timedelta(days=number)))
        await record.put(entry(request_id="elsewhere", channel_id="124"))
    await written(record)
    assert [row.request_id for row in await follower.written()] == ["0", "1", "2"]
    assert await follower.written() == []


async def test_a_follower_sees_a_row_that_was_committed_late(record: Record) -> None:
    insert = "INSERT INTO discord_actions (id, action_type, action_id) VALUES (%s, 'ban_user', %s)"
    follower = Follower(record.reader, EVERYTHING)
    await follower.begin()
    for row_id, expected in ((5000, [5000]), (4500, [4500]), (9000, [9000]), (8000, [8000])):
        await record.database.writer.run(lambda s, i=row_id: s.execute(insert, (i, f"id-{i}")), 5)  # type: ignore[misc]
        assert [row.id for row in await follower.written()] == expected


async def test_a_follower_catches_up_with_many_rows(record: Record) -> None:
    follower = Follower(record.reader, EVERYTHING)
    await follower.begin()
    for _ in range(450):
        await record.put(entry())
    await written(record)
    assert [len(await follower.written()) for _ in range(4)] == [200, 200, 50, 0]


async def test_pages_are_newest_first_and_end(record: Record) -> None:
    for number in (3, 1, 4, 0, 2):
        await record.put(entry(request_id=str(number), created_at=NOON + timedelta(microseconds=number)))
    await written(record)
    first = await record.reader.page(EVERYTHING, 2, None)
    second = await record.reader.page(EVERYTHING, 2, first.next_cursor)
    third = await record.reader.page(EVERYTHING, 2, second.next_cursor)
    assert [row.request_id for page in (first, second, third) for row in page.rows] == ["4", "3", "2", "1", "0"]
    assert third.next_cursor is None
    whole = await record.reader.page(EVERYTHING, 5, None)
    assert whole.next_cursor is None


async def test_rows_of_the_same_instant_are_each_shown_once(record: Record) -> None:
    for number in range(25):
        await record.put(entry(request_id=str(number), created_at=NOON))
    await written(record)
    assert await ids_of(record, EVERYTHING, limit=4) == [str(number) for number in reversed(range(25))]


async def test_rows_written_meanwhile_are_not_shown_twice_and_hide_none(record: Record) -> None:
    for number in range(0, 40, 2):
        await record.put(entry(request_id=str(number), created_at=NOON + timedelta(seconds=number)))
    await written(record)
    seen: list[int] = []
    cursor = None
    for round_number in range(10):
        page = await record.reader.page(EVERYTHING, 3, cursor)
        seen += [int(row.request_id or "") for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
        late = 39 - 4 * round_number
        for number in (late, 100 + round_number):
            await record.put(entry(request_id=str(number), created_at=NOON + timedelta(seconds=number)))
        await written(record)
    assert seen == sorted(set(seen), reverse=True)
    assert set(range(0, 40, 2)) <= set(seen)


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_limit_out_of_bounds_is_refused_by_its_name(record: Record, limit: int) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await record.reader.page(EVERYTHING, limit, None)
    assert refused.value.violations[0].path == ("limit",)


async def test_a_cursor_that_is_not_ours_is_refused_by_its_name(record: Record) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await record.reader.page(EVERYTHING, 10, "page-2")
    assert refused.value.violations[0].path == ("cursor",)


async def test_values_of_any_kind_and_size_are_written_and_so_is_the_next_row(record: Record) -> None:
    large = "ä" * 1_000_000
    strange = "a\x00b\ud800c\u2028'\\\";--%s?{}"
    ids = []
    for text in (large, strange, "\\u0000", "💥" * 300):
        one = entry(
            action_type=text,
            client_id=text,
            guild_id=text,
            channel_id=text,
            user_id=text,
            protocol=text,
            request_id=text,
            idempotency_key=text,
            request_data={"content": text},
        )
        verdict = Verdict(OutcomeKind.UNKNOWN, error_code=text, error_message=text, response_data={text[:9]: text})
        ids.append(one.action_id)
        await record.put(one, verdict)
    await record.put(entry(request_id="next"))
    await written(record)
    rows = [await record.reader.one(action_id) for action_id in ids]
    assert [row.request_data for row in rows if row] == [
        {"content": large},
        {"content": strange.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")},
        {"content": "\\u0000"},
        {"content": "💥" * 300},
    ]
    assert next(row.client_id for row in rows if row) == "ä" * 255
    assert await record.count() == (5, 5)
    assert record.writer.health().refused == 0


async def test_no_secret_reaches_a_row(record: Record) -> None:
    one = entry(request_data={"webhook_url": "https://discord.com/api/webhooks/1/HUSH-hush", "client_secret": "HUSH"})
    await record.put(one, replace(REJECTED, error_message="at https://discord.com/api/webhooks/1/HUSH-hush"))
    await written(record)
    assert "HUSH" not in str(await record.reader.one(one.action_id))


async def test_rows_from_before_are_read_too(record: Record) -> None:
    await record.database.writer.run(
        lambda session: session.execute(
            "INSERT INTO discord_actions (action_type, action_id, request_data) VALUES ('ban_user', 'old', '{}')"
        ),
        5,
    )
    page = await record.reader.page(EVERYTHING, 10, None)
    assert [(row.action_id, row.success, row.request_data) for row in page.rows] == [("old", True, {})]
    assert abs(page.rows[0].created_at - datetime.now(UTC)) < timedelta(minutes=1)

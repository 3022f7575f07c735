import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.audit.journal import Folder, Journal, Replay, orphans
from services.audit.journal.folder import OWNER
from services.audit.journal.frames import ATTEMPT, HEAD_BYTES, Record, records
from services.audit.journal.segment import segments_in
from services.redaction import Redactor
from tests.support.record import DELIVERED, REJECTED, entry

type Rows = dict[str, dict[str, Any]]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = Journal(tmp_path, Redactor(), segment_bytes=64 * 1024)
    await opened.start()
    yield opened
    await opened.close()


def replayed(folder: Folder) -> tuple[Rows, int]:
    """The rows by action id, and the damages."""
    replay = Replay(folder)
    rows: Rows = {}
    while some := replay.take(3):
        for row in map(orjson.loads, some):
            assert row["action_id"] not in rows
            rows[row["action_id"]] = row
    return rows, replay.damages


async def left_behind(journal: Journal) -> Folder:
    """The directory after a sudden end."""
    await journal.close()
    (folder,) = orphans(journal.store.root)
    return folder


async def test_each_action_ends_as_far_as_it_got(journal: Journal) -> None:
    intended, attempted, ended, refused = (entry(request_id=name) for name in ("i", "a", "e", "r"))
    for one in (intended, attempted, ended, refused):
        journal.begin(one)
    for one in (attempted, ended):
        journal.attempt(one)
        journal.attempt(one)
    journal.end(ended, DELIVERED)
    journal.end(refused, REJECTED)
    folder = await left_behind(journal)
    rows, damages = replayed(folder)
    folder.remove()
    assert damages == 0
    assert {row["request_id"]: (row["outcome"], row["error_code"], row["success"]) for row in rows.values()} == {
        "i": ("not_sent", "shutting_down", False),
        "a": ("unknown", "outcome_unknown", False),
        "e": ("delivered", None, True),
        "r": ("rejected", "discord_unknown_channel", False),
    }
    assert rows[ended.action_id]["request_data"] == ended.request_data
    assert rows[attempted.action_id]["request_data"] == attempted.request_data
    assert "process ended" in rows[attempted.action_id]["error_message"]


async def test_what_the_table_has_is_not_replayed(journal: Journal) -> None:
    entries = [entry() for _ in range(10)]
    for one in entries:
        journal.begin(one)
    rows = [journal.end(one, DELIVERED) for one in entries[:8]]
    for row in rows[:5]:
        assert row.origin is not None
        row.origin.settled(row.end)
    journal.reclaim()
    folder = await left_behind(journal)
    found, _ = replayed(folder)
    folder.remove()
    assert set(found) == {one.action_id for one in entries[5:]}
    assert [found[one.action_id]["outcome"] for one in entries[8:]] == ["not_sent"] * 2


async def test_after_the_machine_went_down_nothing_is_sure_to_be_unsent(journal: Journal) -> None:
    one = entry()
    journal.begin(one)
    folder = await left_behind(journal)
    owner = folder.path / OWNER
    owner.write_text(json.dumps(json.loads(owner.read_text()) | {"boot_id": "before"}))
    rows, _ = replayed(folder)
    folder.remove()
    assert rows[one.action_id]["outcome"] == "unknown"


async def test_a_torn_last_record_is_normal_and_costs_itself_alone(journal: Journal) -> None:
    entries = [entry() for _ in range(3)]
    for one in entries:
        journal.begin(one)
        journal.attempt(one)
        journal.end(one, DELIVERED)
    folder = await left_behind(journal)
    path = segments_in(folder.path)[0]
    whole = path.read_bytes()
    last = [found for found in records(whole) if isinstance(found, Record)][-1]
    for end in range(last.start, last.end):
        path.write_bytes(whole[:end])
        rows, damages = replayed(folder)
        outcomes = [rows[one.action_id]["outcome"] for one in entries]
        assert (outcomes, damages) == (["delivered", "delivered", "unknown"], 0), end
    folder.remove()


async def test_what_was_attempted_stays_so_however_much_of_its_second_writing_is_there(journal: Journal) -> None:
    one = entry()
    journal.begin(one)
    journal.attempt(one)
    folder = await left_behind(journal)
    path = segments_in(folder.path)[0]
    whole = path.read_bytes().rstrip(b"\0")
    for end in range(len(whole) + 1):
        path.write_bytes(whole + whole[:end])
        rows, _ = replayed(folder)
        assert rows[one.action_id]["outcome"] == "unknown", end
    folder.remove()


async def test_damage_at_any_byte_loses_no_action_and_calls_none_unsent_that_may_be_sent(journal: Journal) -> None:
    first, second = entry(), entry()
    for one in (first, second):
        journal.begin(one)
        journal.attempt(one)
    journal.end(first, DELIVERED)
    folder = await left_behind(journal)
    path = segments_in(folder.path)[0]
    whole = path.read_bytes()
    last_start = [found for found in records(whole) if isinstance(found, Record)][-1].start
    for place in range(len(whole)):
        stored = bytearray(whole)
        stored[place] ^= 0x55
        path.write_bytes(stored)
        rows, damages = replayed(folder)
        assert damages == (1 if place < last_start else 0), place
        assert rows[first.action_id]["outcome"] in {"delivered", "unknown"}, place
        if second.action_id in rows:
            assert rows[second.action_id]["outcome"] == "unknown", place
        else:
            assert place > HEAD_BYTES, "its own intent was hit"
    folder.remove()


async def test_a_bad_end_of_a_file_that_others_follow_is_damage(journal: Journal) -> None:
    while len(journal.store.segments) < 3:
        one = entry()
        journal.begin(one)
        journal.end(one, DELIVERED)
    folder = await left_behind(journal)
    first = segments_in(folder.path)[0]
    first.write_bytes(first.read_bytes()[:-5])
    _, damages = replayed(folder)
    folder.remove()
    assert damages == 1


async def test_an_attempt_is_small(journal: Journal) -> None:
    one = entry()
    journal.begin(one)
    before = journal.store.segments[-1].end
    journal.attempt(one)
    written = journal.store.segments[-1].end - before
    journal.attempt(one)
    assert journal.store.segments[-1].end - before == written, "the first one says it all"
    (found,) = records(journal.store.segments[-1].path.read_bytes(), before)
    assert isinstance(found, Record)
    assert (found.kind, written) == (ATTEMPT, HEAD_BYTES + 36)


TEXT = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(["\x00", "\ud800", "ä" * 1000, '"\\\n\u2028'])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3))
async def test_any_text_goes_through_the_journal(tmp_path: Path, text: str, other: str, given: dict[str, str]) -> None:
    journal = Journal(tmp_path, Redactor(), segment_bytes=64 * 1024)
    await journal.start()
    open_one, ended = (entry(client_id=text, request_id=other, user_id=text, request_data=given) for _ in range(2))
    journal.begin(open_one)
    journal.begin(ended)
    row = orjson.loads(journal.end(ended, REJECTED).json)
    folder = await left_behind(journal)
    rows, damages = replayed(folder)
    folder.remove()
    assert damages == 0
    assert rows[ended.action_id] == row
    assert rows[open_one.action_id]["request_data"] == row["request_data"]
    assert rows[open_one.action_id]["client_id"] == row["client_id"]

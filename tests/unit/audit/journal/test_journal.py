import asyncio
import errno
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import orjson
import pytest

from services.audit.journal import Backlog, Journal, Replay, Row, orphans
from services.audit.journal import store as store_module
from services.errors import AuditUnavailable, OutcomeKind
from services.ports import AuditEntry, Verdict
from services.redaction import Redactor
from tests.support.breaking import breaks_once
from tests.support.record import DELIVERED, entry, eventually
from tests.unit.audit.journal.disks import FailingDisk

SEGMENT_BYTES = 32 * 1024


@pytest.fixture
def disk() -> FailingDisk:
    return FailingDisk()


@pytest.fixture
async def journal(tmp_path: Path, disk: FailingDisk) -> AsyncIterator[Journal]:
    opened = Journal(tmp_path, Redactor(), segment_bytes=SEGMENT_BYTES, most_bytes=64 * SEGMENT_BYTES, disk=disk)
    await opened.start()
    yield opened
    disk.fails_to.clear()
    disk.may_sync.set()
    await opened.close()


def perform(journal: Journal) -> Row:
    one = entry()
    journal.begin(one)
    journal.attempt(one)
    return journal.end(one, DELIVERED)


def settle(journal: Journal, *rows: Row) -> None:
    for row in rows:
        if row.origin is not None:
            row.origin.settled(row.end)
    journal.reclaim()


def refuses(journal: Journal) -> bool:
    try:
        perform(journal)
    except AuditUnavailable:
        return True
    return False


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def segment_files(folder: Path) -> list[Path]:
    return [path for path in files_in(folder) if path.suffix == ".journal"]


def filled_until_it_refuses(journal: Journal) -> tuple[list[AuditEntry], AuditUnavailable]:
    """What was begun, and why no more."""
    begun: list[AuditEntry] = []
    for _ in range(5000):
        one = entry()
        try:
            journal.begin(one)
        except AuditUnavailable as exc:
            return begun, exc
        begun.append(one)
    raise AssertionError("it never refuses")


async def rows_left(journal: Journal) -> list[str]:
    await journal.close()
    found = []
    for folder in orphans(journal.store.root):
        replay = Replay(folder)
        while some := replay.take(100):
            found += [orjson.loads(row)["action_id"] for row in some]
        folder.remove()
    return found


# ── what is on disk, and when ──


async def test_each_step_is_in_the_file_when_it_returns(journal: Journal) -> None:
    one = entry(request_data={"content": "a-word-to-find"})
    path = journal.store.segments[0].path
    for step, found in (
        (lambda: journal.begin(one), b"a-word-to-find"),
        (lambda: journal.attempt(one), one.action_id.encode()),
        (lambda: journal.end(one, DELIVERED), b'"delivered"'),
    ):
        before = path.read_bytes().rstrip(b"\0")
        step()
        assert found in path.read_bytes().rstrip(b"\0")[len(before) :]


async def test_no_secret_reaches_the_disk(journal: Journal, tmp_path: Path) -> None:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.HUSH-signature"
    one = entry(
        request_data={"content": f"see {jwt}", "token": "HUSH", "deep": [{"client_secret": "HUSH-3"}]},
        request_id=jwt,
        idempotency_key="Bearer HUSH-0123456789-abcdef",
    )
    journal.begin(one)
    journal.end(one, Verdict(OutcomeKind.REJECTED, error_message=f"Authorization: {jwt}", response_data={"t": jwt}))
    assert all(b"HUSH" not in path.read_bytes() for path in files_in(tmp_path))


async def test_it_is_synced_within_100_ms_and_not_on_the_loop(journal: Journal, disk: FailingDisk) -> None:
    waited = []
    for _ in range(5):
        await asyncio.sleep(0.2)
        disk.synced.clear()
        perform(journal)
        started = time.monotonic()
        await eventually(lambda: bool(disk.synced))
        waited.append(time.monotonic() - started)
    assert median(waited) < 0.1  # a machine may stand still once
    disk.may_sync.clear()
    started = time.monotonic()
    for _ in range(3):
        perform(journal)
        await asyncio.sleep(0.1)
    assert time.monotonic() - started < 10  # a loop that waited for the disk would do so until it is given up
    disk.may_sync.set()


async def test_a_disk_that_hangs_is_trouble_until_it_answers(
    journal: Journal, disk: FailingDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "STALL_SECONDS", 0.5)
    disk.may_sync.clear()
    perform(journal)
    await eventually(lambda: refuses(journal))
    assert journal.health().detail == "the disk hangs"
    disk.may_sync.set()
    await eventually(lambda: not refuses(journal))
    assert journal.health().is_writable


@pytest.mark.parametrize("size", [1_000_000, 3_000_000])
async def test_a_large_value_is_kept_whole_and_so_are_its_neighbours(tmp_path: Path, size: int) -> None:
    journal = Journal(tmp_path, Redactor())
    await journal.start()
    content = "ä\x00" * (size // 2)
    large, small = entry(request_data={"content": content}), entry()
    for one in (small, large):
        journal.begin(one)
    rows = [journal.end(one, Verdict(OutcomeKind.UNKNOWN, error_message=content)) for one in (large, small)]
    assert orjson.loads(rows[0].json)["request_data"]["content"] == content.replace("\x00", "\ufffd")
    assert all(row.origin is not None for row in rows)
    assert await rows_left(journal) == [large.action_id, small.action_id]


# ── segments come and go ──


async def test_segments_go_when_the_table_has_their_rows(journal: Journal, tmp_path: Path) -> None:
    rows = [perform(journal) for _ in range(400)]
    await eventually(lambda: len(journal.store.segments) > 8)
    before = journal.store.size_bytes
    settle(journal, *rows[:200])
    await eventually(lambda: journal.store.size_bytes < 0.7 * before)
    settle(journal, *rows[200:])
    await eventually(lambda: journal.store.size_bytes <= 2 * SEGMENT_BYTES)
    assert len(segment_files(tmp_path)) <= 2
    assert await rows_left(journal) == []
    assert files_in(tmp_path) == []


async def test_a_full_segment_gives_back_the_room_it_did_not_need(journal: Journal) -> None:
    for _ in range(100):
        perform(journal)
    await asyncio.sleep(0.3)
    for segment in list(journal.store.segments)[:-1]:
        assert segment.path.stat().st_size == segment.end


async def test_what_stays_open_long_keeps_no_segment(journal: Journal) -> None:
    stays, sent = entry(), entry()
    for one in (stays, sent):
        journal.begin(one)
    journal.attempt(sent)
    for _ in range(10):
        settle(journal, *[perform(journal) for _ in range(50)])
    assert len(journal.store.segments) <= 3
    await journal.close()
    (folder,) = orphans(journal.store.root)
    rows = {row["action_id"]: row["outcome"] for row in map(orjson.loads, Replay(folder).take(100))}
    folder.remove()
    assert rows == {stays.action_id: "not_sent", sent.action_id: "unknown"}


async def test_past_the_bound_it_refuses_and_what_was_begun_still_ends(tmp_path: Path) -> None:
    journal = Journal(tmp_path, Redactor(), segment_bytes=SEGMENT_BYTES, most_bytes=4 * SEGMENT_BYTES)
    await journal.start()
    begun, refused = filled_until_it_refuses(journal)
    assert "full" in refused.detail
    assert refused.retry_after_seconds
    assert not journal.health().is_writable
    for one in begun:
        journal.attempt(one)
    rows = [journal.end(one, DELIVERED) for one in begun]
    assert len(rows) > 40
    assert all(row.origin is not None for row in rows), "room was promised"
    assert sum(path.stat().st_size for path in segment_files(tmp_path)) <= 4 * SEGMENT_BYTES
    settle(journal, *rows)
    await eventually(lambda: not refuses(journal))
    await journal.close()


async def test_adopted_directories_count(journal: Journal) -> None:
    journal.store.adopted_bytes = 62 * SEGMENT_BYTES
    begun, _ = filled_until_it_refuses(journal)
    assert len(begun) < 50
    for one in begun:
        journal.end(one, DELIVERED)


# ── disks that fail ──


async def test_on_a_full_disk_what_was_begun_ends_and_nothing_begins(journal: Journal, disk: FailingDisk) -> None:
    disk.fails_to = {"allocate"}
    begun, refused = filled_until_it_refuses(journal)
    assert "No space left" in refused.detail
    assert "No space left" in journal.health().detail
    assert not journal.health().is_writable
    for one in begun:
        journal.attempt(one)
    assert all(journal.end(one, DELIVERED).origin is not None for one in begun)
    disk.fails_to = set()
    await eventually(lambda: journal.health().detail == "")
    assert not refuses(journal)
    assert len(await rows_left(journal)) == len(begun) + 1


@pytest.mark.parametrize("call", ["write", "sync"])
async def test_after_a_failure_nothing_begins_until_a_new_segment_takes_it(
    journal: Journal, disk: FailingDisk, call: str
) -> None:
    disk.error = errno.EIO
    kept = entry()
    journal.begin(kept)
    disk.fails_to = {call, "allocate"}
    await eventually(lambda: refuses(journal))
    assert "Input/output error" in journal.health().detail
    assert not journal.health().is_writable
    disk.fails_to = set()
    await eventually(lambda: not refuses(journal))
    assert journal.health() == journal.health()._replace(is_writable=True, detail="")
    row = journal.end(kept, DELIVERED)
    assert row.origin is not None
    assert kept.action_id in await rows_left(journal)


async def test_an_outcome_that_cannot_be_written_is_in_memory(journal: Journal, disk: FailingDisk) -> None:
    one = entry()
    journal.begin(one)
    disk.fails_to = {"write", "allocate"}
    row = journal.end(one, DELIVERED)
    assert row.origin is None
    assert orjson.loads(row.json)["outcome"] == "delivered"
    with pytest.raises(AuditUnavailable):
        journal.begin(entry())


async def test_what_a_failed_write_left_behind_is_written_over(journal: Journal, disk: FailingDisk) -> None:
    perform(journal)
    disk.fails_to = {"write"}
    with pytest.raises(AuditUnavailable):
        journal.begin(entry())
    disk.fails_to = set()
    await eventually(lambda: not refuses(journal))
    await journal.close()
    (folder,) = orphans(journal.store.root)
    replay = Replay(folder)
    assert len(replay.take(100)) == 2
    assert replay.damages <= 1
    folder.remove()


async def test_a_file_system_that_cannot_allocate_ahead_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("os.posix_fallocate", cannot)
    journal = Journal(tmp_path, Redactor(), segment_bytes=SEGMENT_BYTES)
    await journal.start()
    rows = [perform(journal) for _ in range(100)]
    assert journal.health().is_writable
    assert len(await rows_left(journal)) == len(rows)


async def test_a_directory_that_is_deleted_is_made_again(journal: Journal, tmp_path: Path) -> None:
    kept = entry()
    journal.begin(kept)
    journal.attempt(kept)
    shutil.rmtree(tmp_path)
    perform(journal)
    await eventually(lambda: tmp_path.exists() and journal.health().is_writable)
    perform(journal)
    await journal.close()
    (folder,) = orphans(tmp_path)
    rows = {row["action_id"]: row["outcome"] for row in map(orjson.loads, Replay(folder).take(100))}
    assert rows[kept.action_id] == "unknown"
    assert len(rows) >= 2
    folder.remove()


async def test_a_place_that_cannot_be_opened_at_the_start_is_opened_later(tmp_path: Path) -> None:
    blocked = tmp_path / "journal"
    blocked.write_text("a file where a directory should be")
    journal = Journal(blocked, Redactor())
    await journal.start()
    with pytest.raises(AuditUnavailable):
        journal.begin(entry())
    assert not journal.health().is_writable
    blocked.unlink()
    await eventually(lambda: journal.health().is_writable)
    perform(journal)
    await journal.close()


async def test_once_closed_nothing_is_written_to_a_file_that_may_be_another_s(journal: Journal) -> None:
    one = entry()
    journal.begin(one)
    await journal.close()
    assert journal.end(one, DELIVERED).origin is None
    with pytest.raises(AuditUnavailable):
        journal.begin(entry())
    with pytest.raises(AuditUnavailable):
        journal.attempt(one)


async def test_without_its_task_nothing_begins(journal: Journal) -> None:
    task = journal.store._task
    assert task is not None
    task.cancel()
    await asyncio.wait((task,))
    assert refuses(journal)
    assert "task" in journal.health().detail


async def test_an_upkeep_that_breaks_refuses_until_a_new_segment_is_there(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_broken = breaks_once(monkeypatch, journal.store._upkeep, "round")
    perform(journal)
    async with asyncio.timeout(5):
        await has_broken.wait()
    assert refuses(journal)
    assert "upkeep broke" in journal.health().detail
    await eventually(lambda: not refuses(journal))
    assert journal.health().segments == 2


# ── reading back ──


async def test_rows_are_read_back_in_order_while_others_are_written(journal: Journal) -> None:
    backlog = Backlog(journal.store)
    journal.begin(entry())
    rows = [perform(journal) for _ in range(150)]
    for row in rows[20:]:
        backlog.add(row)
    read: list[Row] = []
    while backlog.count:
        read += await backlog.take(7)
        if len(rows) < 200:
            rows.append(perform(journal))
            backlog.add(rows[-1])
    assert [row.json for row in read] == [row.json for row in rows[20:]]
    assert [(row.origin, row.end) for row in read] == [(row.origin, row.end) for row in rows[20:]]
    assert not backlog.has_rows.is_set()
    backlog.add(perform(journal))
    assert len(await backlog.take(7)) == 1
    settle(journal, *rows)


async def test_a_damaged_segment_costs_what_is_damaged_and_stays_on_disk(journal: Journal, tmp_path: Path) -> None:
    backlog = Backlog(journal.store)
    rows = [perform(journal) for _ in range(150)]
    for row in rows:
        backlog.add(row)
    await asyncio.sleep(0.3)
    with journal.store.segments[1].path.open("r+b") as file:
        file.seek(10_000)
        file.write(bytes(100))
    read: list[Row] = []
    while backlog.count:
        read += await backlog.take(50)
    assert len(rows) - 2 <= len(read) < len(rows)
    assert backlog.damages == 1
    settle(journal, *read)
    assert len(journal.store.segments) == 1
    await eventually(lambda: len(segment_files(tmp_path)) <= 3)
    left = await rows_left(journal)
    lost = {row.json for row in rows} - {row.json for row in read}
    assert {orjson.loads(row)["action_id"] for row in lost} <= set(left)


async def test_a_segment_that_is_gone_costs_its_rows_alone(journal: Journal) -> None:
    backlog = Backlog(journal.store)
    rows = [perform(journal) for _ in range(150)]
    for row in rows:
        backlog.add(row)
    journal.store.segments[1].path.unlink()
    read: list[Row] = []
    while backlog.count:
        read += await backlog.take(50)
    lost = {row.json for row in rows} - {row.json for row in read}
    assert 0 < len(lost) < 40
    assert lost == {row.json for row in rows if row.origin is not None and row.origin not in {r.origin for r in read}}


async def test_rows_that_could_not_be_read_for_a_while_are_not_taken_for_shipped(journal: Journal) -> None:
    backlog = Backlog(journal.store)
    rows = [perform(journal) for _ in range(150)]
    for row in rows:
        backlog.add(row)
    path = journal.store.segments[1].path
    hidden = path.rename(path.with_suffix(".hidden"))
    read: list[Row] = []
    while backlog.count:
        read += await backlog.take(50)
    settle(journal, *read)
    hidden.rename(path)
    lost = {orjson.loads(row.json)["action_id"] for row in rows if row.json not in {each.json for each in read}}
    assert lost
    assert lost <= set(await rows_left(journal))

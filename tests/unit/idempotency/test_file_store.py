import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config import ROOT
from services.idempotency import FileIdempotencyStore
from services.idempotency.holder import NEW, Holder, is_alive, remove_dead
from services.ports import First, Orphaned, Replay, Unprotected
from tests.support.keys import CLOCK, DELIVERED, Replicas, claim, replicas, soon

HOLDING = """
import asyncio, sys
from pathlib import Path
from tests.support.keys import CLOCK, DELIVERED, claim, soon
from services.idempotency import FileIdempotencyStore

async def main():
    async with FileIdempotencyStore(Path(sys.argv[1]), CLOCK) as store:
        await store.begin(claim("answered"), "a", soon())
        await store.finish(claim("answered"), "a", DELIVERED)
        await store.begin(claim("running"), "b", soon())
        print("holds", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Replicas]:
    async with replicas("file", tmp_path / "keys", str) as given:
        yield given


async def test_after_a_kill_answers_are_there_and_what_ran_is_orphaned_at_once(opened: Replicas) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220 -- starting it is all that is waited for
        [sys.executable, "-c", HOLDING, str(opened.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline) == "holds\n"
        store = await opened.open()
        waiting = asyncio.create_task(store.begin(claim("running"), "c", soon(20)))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        child.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        begun = await waiting
        assert time.monotonic() - killed < 10  # long before its deadline
    finally:
        child.kill()
        child.communicate()
    assert isinstance(begun, Orphaned)
    assert begun.action_id == "b"
    assert 0.3 < begun.age_seconds < 30
    assert await store.begin(claim("answered"), "d", soon()) == Replay(DELIVERED)


async def test_a_folder_that_cannot_be_written_protects_nobody_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.write_text("in the way")
    async with FileIdempotencyStore(folder, CLOCK) as store:
        assert isinstance(await store.begin(claim(), "a", soon()), Unprotected)
        folder.unlink()
        assert await store.begin(claim(), "b", soon()) == First()


async def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    damaged = tmp_path / "keys.db"
    damaged.write_bytes(b"no database at all" * 1000)
    async with FileIdempotencyStore(tmp_path, CLOCK) as store:
        assert isinstance(await store.begin(claim(), "a", soon()), Unprotected)
        assert await store.begin(claim(), "b", soon()) == First()
    assert [name.startswith("keys.db.damaged-") for name in listing(tmp_path)].count(True) == 1


async def test_a_clock_that_was_set_back_makes_no_orphan_young(opened: Replicas, tmp_path: Path) -> None:
    class Earlier:
        def monotonic(self) -> float:
            return time.monotonic()

        def now(self) -> datetime:
            return datetime.now(UTC) - timedelta(hours=1)

    async with FileIdempotencyStore(opened.folder, CLOCK) as store:
        await store.begin(claim(), "a", soon())
    async with FileIdempotencyStore(opened.folder, Earlier()) as store:
        begun = await store.begin(claim(), "b", soon())
    assert isinstance(begun, Orphaned)
    assert begun.age_seconds < 0


async def test_the_number_of_lock_files_does_not_grow(opened: Replicas) -> None:
    for number in range(5):
        async with FileIdempotencyStore(opened.folder, CLOCK) as store:
            await store.begin(claim(str(number)), "a", soon())
    assert listing(opened.folder / "holders") == []


def test_a_holder_is_alive_until_it_closes(tmp_path: Path) -> None:
    holder = Holder(tmp_path)
    assert is_alive(tmp_path, holder.name)
    assert is_alive(tmp_path, holder.name)
    holder.close()
    assert not is_alive(tmp_path, holder.name)
    assert not is_alive(tmp_path, "nobody")


def listing(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_what_dead_processes_left_in_the_making_is_removed(tmp_path: Path) -> None:
    old, young = tmp_path / f"{NEW}old", tmp_path / f"{NEW}young"
    for path in (old, young):
        path.touch()
    os.utime(old, (1, 1))
    held = Holder(tmp_path)
    remove_dead(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {young.name, held.name}
    held.close()


async def test_a_file_from_before_keys_knew_their_callers_is_taken_over(tmp_path: Path) -> None:
    async with replicas("file", tmp_path, str) as opened:
        store = await opened.open()
        await store.begin(claim(), "a", soon())
        await store.finish(claim(), "a", DELIVERED)
    with closing(sqlite3.connect(tmp_path / "keys.db", isolation_level=None)) as database:
        database.executescript("DROP INDEX places_by_caller; ALTER TABLE places DROP COLUMN caller")
    async with replicas("file", tmp_path, str) as opened:
        store = await opened.open()
        assert await store.begin(claim(), "b", soon()) == Replay(DELIVERED)
        assert await store.begin(claim("another"), "b", soon()) == First()

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import ROOT
from services.audit.journal import Folder, orphans
from services.audit.journal.folder import NEW, OWNER
from services.audit.journal.mark import START, Position, ShippedMark, shipped_to

ADOPTS = """
import sys, time
from pathlib import Path
from services.audit.journal import orphans
print("ready", flush=True)
sys.stdin.readline()
held = orphans(Path(sys.argv[1]))
print(len(held), *(folder.path.name for folder in held), flush=True)
sys.stdin.readline()
for folder in held:
    folder.remove() if sys.argv[2] == "remove" else folder.release()
"""


def adopting(root: Path, then: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", ADOPTS, str(root), then],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def test_a_directory_that_is_held_is_nobody_elses(tmp_path: Path) -> None:
    held = Folder.create(tmp_path)
    assert Folder.adopt(held.path) is None
    assert orphans(tmp_path) == []
    held.release()
    (adopted,) = orphans(tmp_path)
    assert adopted.path == held.path
    assert orphans(tmp_path) == []
    adopted.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    for name in ("lost+found", "keys", ".new-1-aaaaaaaaaaaa", "1-xyz"):
        (tmp_path / name).mkdir()
    (tmp_path / "12-0123456789ab").write_text("a file")
    assert orphans(tmp_path) == []
    assert orphans(tmp_path / "missing") == []
    assert len(list(tmp_path.iterdir())) == 5


def test_a_directory_that_vanishes_under_its_adopter_is_not_adopted(tmp_path: Path) -> None:
    first = Folder.create(tmp_path)
    path = first.path
    first.remove()
    assert Folder.adopt(path) is None


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_a_lock_on_a_file_that_was_deleted_meanwhile_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_made_anew: bool
) -> None:
    folder = Folder.create(tmp_path)
    folder.release()
    lock = fcntl.flock

    def lock_too_late(descriptor: int, operation: int) -> None:
        (folder.path / OWNER).unlink()
        if is_made_anew:
            (folder.path / OWNER).touch()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_too_late)
    assert Folder.adopt(folder.path) is None


def test_it_knows_whether_the_machine_went_down_since(tmp_path: Path) -> None:
    folder = Folder.create(tmp_path)
    assert folder.is_of_this_boot
    owner = json.loads((folder.path / OWNER).read_text())
    for content in (json.dumps(owner | {"boot_id": "another"}), "", "[]", "{}"):
        (folder.path / OWNER).write_text(content)
        assert not folder.is_of_this_boot
    folder.remove()


@pytest.mark.parametrize("then", ["remove", "release"])
def test_of_several_processes_one_adopts(tmp_path: Path, then: str) -> None:
    names = set()
    for _ in range(20):
        folder = Folder.create(tmp_path)
        names.add(folder.path.name)
        folder.release()
    processes = [adopting(tmp_path, then) for _ in range(3)]
    for process in processes:
        say(process)
    heard = [hear(process) for process in processes]
    adopted = [name for words in heard for name in words[1:]]
    assert sorted(adopted) == sorted(names), heard
    for process in processes:
        say(process)
        process.communicate(timeout=30)
    assert len(list(tmp_path.iterdir())) == (0 if then == "remove" else 20)


async def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    Folder.create(tmp_path).release()
    killed = adopting(tmp_path, "release")
    say(killed)
    assert hear(killed)[0] == "1"
    assert orphans(tmp_path) == []
    killed.kill()
    await asyncio.to_thread(killed.communicate)
    (adopted,) = orphans(tmp_path)
    adopted.remove()


def test_a_mark_is_read_back_and_a_damaged_one_is_no_mark(tmp_path: Path) -> None:
    assert shipped_to(tmp_path) == START
    mark = ShippedMark(tmp_path)
    for place in (Position(1, 0), Position(12, 8_388_608), Position(99_999_999, 2**33)):
        mark.move(place)
        assert shipped_to(tmp_path) == place
    mark.close()
    stored = bytearray((tmp_path / "shipped").read_bytes())
    for position in range(len(stored)):
        damaged = stored.copy()
        damaged[position] ^= 1
        (tmp_path / "shipped").write_bytes(damaged)
        assert shipped_to(tmp_path) == START


def aged(path: Path) -> Path:
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    return path


@pytest.mark.parametrize("has_owner", [True, False])
def test_what_a_process_left_that_died_while_it_made_its_directory_is_removed(tmp_path: Path, has_owner: bool) -> None:
    unfinished, young = tmp_path / f"{NEW}1-0123456789ab", tmp_path / f"{NEW}2-0123456789ab"
    for path in (unfinished, young):
        path.mkdir()
        if has_owner:
            (path / OWNER).touch()
    aged(unfinished)
    assert orphans(tmp_path) == []
    assert list(tmp_path.iterdir()) == [young]


def test_a_directory_in_the_making_that_is_held_stays(tmp_path: Path) -> None:
    held = Folder.create(tmp_path)
    slow = aged(held.path.rename(tmp_path / f"{NEW}{held.path.name}"))
    (slow / "foreign").touch()
    aged(slow)
    assert orphans(tmp_path) == []
    assert (slow / OWNER).exists()
    held.release()
    assert orphans(tmp_path) == []
    assert [path.name for path in slow.iterdir()] == ["foreign"]

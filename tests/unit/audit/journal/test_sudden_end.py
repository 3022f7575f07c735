"""Real processes that write a journal and are ended in the middle of it."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from config import ROOT
from services.audit.journal import Replay, orphans

KILLS = 15
# Says of every action how far it got: the line is written after the step, as an answer would be.
WRITES = """
import asyncio, os, sys
from pathlib import Path
from services.audit.journal import Journal
from services.redaction import Redactor
from tests.support.record import DELIVERED, entry

def say(step, one):
    os.write(1, f"{step} {one.action_id}\\n".encode())

async def act(journal, number):
    one = entry()
    journal.begin(one)
    say("begun", one)
    await asyncio.sleep(0.001 * (number % 3))
    journal.attempt(one)
    say("sent", one)
    await asyncio.sleep(0.001 * (number % 5))
    journal.end(one, DELIVERED)
    say("answered", one)

async def main():
    journal = Journal(Path(sys.argv[1]), Redactor(), segment_bytes=64 * 1024)
    await journal.start()
    os.write(1, b"ready -\\n")
    async def worker(offset):
        for number in range(offset, 10**6):
            await act(journal, number)
    await asyncio.gather(*(worker(offset) for offset in range(20)))

asyncio.run(main())
"""
# Runs into a limit on the size of files, waits until it is lifted, and goes on.
RUNS_OUT = """
import asyncio, os, resource, sys
from pathlib import Path
from services.audit.journal import Journal
from services.errors import AuditUnavailable
from services.redaction import Redactor
from tests.support.record import DELIVERED, entry

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main():
    journal = Journal(Path(sys.argv[1]), Redactor(), segment_bytes=64 * 1024)
    await journal.start()
    await asyncio.sleep(0.2)
    limit(40_000)
    begun = []
    try:
        while True:
            one = entry()
            journal.begin(one)
            begun.append(one)
    except AuditUnavailable as exc:
        print("refused", exc.detail)
    limit(resource.RLIM_INFINITY)
    while not journal.health().is_writable:
        await asyncio.sleep(0.05)
    rows = [journal.end(one, DELIVERED) for one in begun]
    print("ended", len(begun), sum(row.origin is not None for row in rows), journal.health().detail or "-")
    await journal.close()

asyncio.run(main())
"""


@contextmanager
def running(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def killed_after(root: Path, seconds: float) -> dict[str, str]:
    """How far each action got by the account of a process that was killed in the middle."""
    with running(WRITES, str(root)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready -\n"
        time.sleep(seconds)
        process.kill()
        said = [line.split() for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    return {action_id: step for step, action_id in said}


def outcomes(root: Path) -> tuple[dict[str, str], int]:
    """What is on record of each action, and the damages. Empties the place."""
    found: Counter[tuple[str, str]] = Counter()
    damages = 0
    for folder in orphans(root):
        replay = Replay(folder)
        while rows := replay.take(500):
            found.update((row["action_id"], row["outcome"]) for row in map(orjson.loads, rows))
        damages += replay.damages
        folder.remove()
    assert set(found.values()) <= {1}
    return dict(found.keys()), damages


def test_after_a_kill_what_was_answered_is_on_record_and_what_was_sent_is_not_called_unsent(tmp_path: Path) -> None:
    seeded = random.Random(7)
    seen: Counter[str] = Counter()
    for _ in range(KILLS):
        steps = killed_after(tmp_path, seeded.uniform(0.0, 0.15))
        recorded, damages = outcomes(tmp_path)
        assert damages == 0
        for action_id, step in steps.items():
            allowed = {"answered": {"delivered"}, "sent": {"delivered", "unknown"}}
            assert recorded[action_id] in allowed.get(step, {"delivered", "unknown", "not_sent"}), step
        seen.update(recorded.values())
        assert list(tmp_path.iterdir()) == []
    assert min(seen[outcome] for outcome in ("delivered", "unknown", "not_sent")) > 0, seen


def test_what_the_system_refuses_to_write_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    with running(RUNS_OUT, str(tmp_path)) as process:
        told, _errors = process.communicate(timeout=45)
    refused, ended = told.splitlines()
    assert "File too large" in refused
    _word, begun, on_disk, detail = ended.split(maxsplit=3)
    assert int(begun) > 20
    assert begun == on_disk
    assert detail == "-"
    recorded, damages = outcomes(tmp_path)
    assert damages == 0
    assert list(recorded.values()) == ["delivered"] * int(begun)

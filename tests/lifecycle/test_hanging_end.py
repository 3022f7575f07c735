"""What hangs when all is done does not keep the process."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import ROOT
from sandbox import Sandbox
from tests.support.module import environment
from tests.support.process import COMMAND, STOP_SECONDS, Program, serving_program

HANGS = """
import asyncio, sys, time
from config import Settings
from services.lifecycle import serve

async def leaves_a_thread_behind(*_, **__):
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)

serve.serve = leaves_a_thread_behind
sys.exit(serve.run(Settings.load(env_file=None)))
"""


@pytest.mark.parametrize("ends", ["", "    raise serve.DatabaseFailure('gone')"])
async def test_a_thread_that_hangs_does_not_keep_the_process(sqlite_url: str, ends: str) -> None:
    script = HANGS.replace("600)\n", f"600)\n{ends}\n", 1)
    async with Sandbox.serving() as sandbox:
        ended = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=environment(sandbox, sqlite_url),
            capture_output=True,
            timeout=STOP_SECONDS,
            check=False,
            text=True,
        )
    assert (ended.returncode, ended.stderr) == (1 if ends else 0, "")
    assert ("cannot start" in ended.stdout) is bool(ends)


CLOSES = """
import gc, runpy, sys, time

sys.path[0] = {root!r}
from services.audit import AuditWriter
from services.grpc_handler import Bounds

options = Bounds.options

def patient(self):
    names = dict(options(self))
    return tuple((names | {{"grpc.server_handshake_timeout_ms": 60_000}}).items())

Bounds.options = patient
close = AuditWriter.close

async def closes(self, budget=None):
    {before}
    await close(self, budget)

AuditWriter.close = closes
runpy.run_path({command!r}, run_name="__main__")
"""
HALF_A_PREFACE = b"PRI * HTTP/2"
SOON_SECONDS = 12.0
"""Who waited for the handshake would take a minute."""


def closing(tmp_path: Path, before: str) -> Path:
    """A file with the program that does something of the loop's before it closes the record."""
    script = tmp_path / "closes.py"
    script.write_text(CLOSES.format(before=before, root=str(ROOT), command=str(COMMAND)))
    return script


async def test_a_connection_that_shakes_hands_holds_no_stop(sqlite_url: str, tmp_path: Path) -> None:
    async with (
        Sandbox.serving() as sandbox,
        serving_program(environment(sandbox, sqlite_url), closing(tmp_path, "gc.collect()")) as started,
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", started.grpc_port)
        writer.write(HALF_A_PREFACE)
        await writer.drain()
        await asyncio.sleep(0.2)  # nothing tells that gRPC has read it
        assert await ends_after(started) < SOON_SECONDS
        assert (started.process.returncode, started.errors) == (0, [])
        writer.close()


async def test_a_stop_that_blocks_the_loop_ends_all_the_same_and_says_where(sqlite_url: str, tmp_path: Path) -> None:
    variables = {"SHUTDOWN_GRACE": "1"}
    async with (
        Sandbox.serving() as sandbox,
        serving_program(environment(sandbox, sqlite_url, **variables), closing(tmp_path, "time.sleep(600)")) as started,
    ):
        await ends_after(started)
    assert started.process.returncode == 1
    assert any("closes.py" in line for line in started.errors)


async def ends_after(started: Program) -> float:
    """Seconds from the signal to the end."""
    began = time.monotonic()
    started.signal(signal.SIGTERM)
    await started.ends()
    return time.monotonic() - began

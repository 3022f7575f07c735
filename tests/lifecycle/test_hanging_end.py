"""What hangs in a system call when all is done does not keep the process."""

import asyncio
import subprocess
import sys

import pytest

from config import ROOT
from sandbox import Sandbox
from tests.support.module import environment
from tests.support.process import STOP_SECONDS

HANGS = """
import asyncio, sys, time
from config import Settings
from services.lifecycle import serve

async def leaves_a_thread_behind(*_):
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

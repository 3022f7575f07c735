"""The first process of a container, which Linux spares every signal that it has no handler for."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config import ROOT

IN_A_CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
ENDS_WITHIN_SECONDS = 30.0
SLOW_TO_IMPORT = """
import time
print("importing", flush=True)
time.sleep(600)
"""


@asynccontextmanager
async def importing(folder: Path, *prefix: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program while it still imports what it needs."""
    (folder / "pydantic.py").write_text(SLOW_TO_IMPORT)
    process = await asyncio.create_subprocess_exec(
        *prefix,
        sys.executable,
        str(ROOT / "app.py"),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)},
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(ENDS_WITHIN_SECONDS):
            assert await process.stdout.readline() == b"importing\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def child_of(process: asyncio.subprocess.Process) -> int:
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(child)


@pytest.fixture(scope="module")
def container() -> tuple[str, ...]:
    """What makes a process the first of its own."""
    if shutil.which("unshare") is None or subprocess.run([*IN_A_CONTAINER, "true"], check=False).returncode:
        pytest.skip("NOT PROVEN: no process may have a PID namespace of its own here")
    return IN_A_CONTAINER


async def test_a_stop_while_it_imports_ends_the_first_process_of_a_container(
    tmp_path: Path, container: tuple[str, ...]
) -> None:
    async with importing(tmp_path, *container) as process, asyncio.timeout(ENDS_WITHIN_SECONDS):
        os.kill(child_of(process), signal.SIGTERM)
        assert await process.wait() == 128 + signal.SIGTERM


async def test_a_stop_while_it_imports_ends_any_other_process(tmp_path: Path) -> None:
    async with importing(tmp_path) as process, asyncio.timeout(ENDS_WITHIN_SECONDS):
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == -signal.SIGTERM

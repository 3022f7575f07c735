"""The limit of open files is raised as far as the settings need and the process may."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT
from sandbox import Sandbox
from tests.support.module import environment
from tests.support.process import serving_program

AS_STARTED = 1024
RAISE = """
import resource, sys
from services.lifecycle.open_files import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(raise_limit(int(sys.argv[3])), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.fixture
def started_with_few() -> Iterator[int]:
    """What is started now may have 1024 files open, and raise that by itself. Gives how far."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (AS_STARTED, hard))
    yield sys.maxsize if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files_allowed(pid: int) -> int:
    (line,) = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "open files" in line]
    return int(line.split()[3])


async def test_a_module_makes_room_for_all_its_connections(sqlite_url: str, started_with_few: int) -> None:
    async with Sandbox.serving() as sandbox:
        variables = environment(sandbox, sqlite_url, REST_MAX_CONNECTIONS="700", GRPC_MAX_CONNECTIONS="800")
        async with serving_program(variables) as started:
            assert open_files_allowed(started.process.pid) == min(256 + 700 + 800 + 100, started_with_few)
            assert started_with_few < 1856 or not started.said(
                "fewer files may be open than the settings allow connections"
            )


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "becomes"),
    [(100, 500, 300, 300), (100, 500, 900, 500), (400, 500, 300, 400)],
    ids=["as much as is wanted", "as much as is allowed", "never less"],
)
async def test_the_limit_becomes(soft: int, hard: int, wanted: int, becomes: int) -> None:
    said = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", RAISE, str(soft), str(hard), str(wanted)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert said.stdout.split() == [str(min(wanted, becomes)), str(becomes), str(hard)]

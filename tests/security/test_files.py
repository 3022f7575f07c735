"""What the module leaves on disk is for its own user: the record holds what was said, and the log who said it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.security.doors import open_door
from tests.support.module import environment, token
from tests.support.process import serving_program

OTHERS = 0o007


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """What most systems begin with: everybody may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Files that another user of the machine can reach and read or write."""
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if (Path(root) / name).stat().st_mode & OTHERS]
        found += [name for name in names if (Path(root) / name).stat().st_mode & OTHERS]
    return found


async def test_nobody_else_reads_what_is_kept(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        for protocol in ("grpc", "rest"):
            heard = await door.faces[protocol].perform("SendMessage", {"channel_id": "123", "content": "x"}, token())
            assert heard.action_id is not None
            await door.module.row(heard.action_id)
        assert (tmp_path / "actions.db").exists()
        assert open_to_others(tmp_path) == []


async def test_nobody_else_reads_the_log(tmp_path: Path) -> None:
    async with Sandbox.serving() as sandbox:
        variables = environment(sandbox, f"sqlite:///{tmp_path / 'actions.db'}", LOG_DIR=str(tmp_path / "log"))
        async with serving_program(variables):
            assert list((tmp_path / "log").iterdir())
            assert open_to_others(tmp_path) == []

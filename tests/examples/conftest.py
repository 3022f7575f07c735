"""A module in front of a sandbox that starts from its seeds, for each example."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox import Options, Sandbox
from tests.support.module import RunningModule, running_module


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving(Options(limits_enabled=False)) as served:
        yield served


@pytest.fixture
async def module(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[RunningModule]:
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db") as running:
        yield running

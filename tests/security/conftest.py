"""The whole module behind real ports, on both protocols, and a host that is not Discord's.

One module serves all tests of a file: what attacks leave behind in it would show in those that follow.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from sandbox import Options, Sandbox
from tests.conformance.conftest import face, faces
from tests.support.module import RunningModule, running_module

__all__ = ["face", "faces"]


@pytest.fixture(scope="module")
async def shared_sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving(Options(limits_enabled=False)) as served:
        yield served


@pytest.fixture(scope="module")
async def shared_module(
    shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningModule]:
    database_url = f"sqlite:///{tmp_path_factory.mktemp('module')}/actions.db"
    async with running_module(shared_sandbox, database_url, DISCORD_RATE_LIMIT_PER_CHANNEL="1000") as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The sandbox as it was at first, with nothing recorded."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def module(shared_module: RunningModule) -> RunningModule:
    return shared_module


@dataclass(slots=True)
class ForeignHost:
    """Somebody else's port. Whoever connects to it was tricked."""

    port: int = 0
    visitors: list[bytes] = field(default_factory=list)

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visitors.append(b"")
        with contextlib.suppress(TimeoutError, ConnectionError):
            self.visitors[-1] = await asyncio.wait_for(reader.read(4096), 1)
        writer.close()


@pytest.fixture
async def foreign_host() -> AsyncIterator[ForeignHost]:
    host = ForeignHost()
    server = await asyncio.start_server(host.welcome, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    async with server:
        yield host

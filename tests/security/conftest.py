"""The whole module behind real ports, on both protocols, and a host that is not Discord's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.conformance.conftest import face, faces, module, sandbox

__all__ = ["face", "faces", "module", "sandbox"]


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

"""A way to the module that can be cut at a chosen moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Relay:
    """Passes bytes on in both directions. `cuts` connections are closed as soon as `is_time` says so."""

    target_port: int
    is_time: Callable[[], bool]
    cuts: int = 1
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        ways = [asyncio.create_task(_pass(reader, back)), asyncio.create_task(_pass(there, writer))]
        if self.cuts:
            ways.append(asyncio.create_task(self._cut()))
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, back):
                end.close()
                with contextlib.suppress(ConnectionError):
                    await end.wait_closed()

    async def _cut(self) -> None:
        while not self.is_time():  # noqa: ASYNC110 -- watches the sandbox, which has no event for it
            await asyncio.sleep(0.002)
        self.cuts -= 1


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while content := await reader.read(65_536):
            writer.write(content)
            await writer.drain()


@contextlib.asynccontextmanager
async def relay(target_port: int, is_time: Callable[[], bool]) -> AsyncIterator[Relay]:
    """A relay to a port of the loopback, on a port of its own."""
    found = Relay(target_port, is_time)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        server.close_clients()
        await server.wait_closed()

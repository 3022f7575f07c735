"""Two thousand connections that do nothing: others are served, memory stays where it was, and they end."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import grpc
import pytest

from sandbox import Sandbox
from services.grpc_handler import Bounds
from services.lifecycle.connection import ConnectionBounds
from services.lifecycle.connections import SPARE, WATCHED
from tests.conformance.faces import RestFace
from tests.support.module import RunningModule, bounded_module, token
from tests.support.process import status_of
from tests.support.raw_http import head, raw_http
from tests.unit.grpc_handler.caller import serving

IDLE = 2000
FILES_NEEDED = 3 * IDLE
MOST_MEMORY_BYTES = 128 * 1024 * 1024
MESSAGE = {"channel_id": "123", "content": "hello"}
ENDED_WITHIN_SECONDS = 20.0


@pytest.fixture(autouse=True)
def room_for_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES_NEEDED:
        pytest.skip(f"NOT PROVEN: {IDLE} connections need {FILES_NEEDED} open files, and only {hard} are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES_NEEDED), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.asynccontextmanager
async def idle_connections(port: int, says: bytes = b"") -> AsyncIterator[list[socket.socket]]:
    """Connections that say a little, or nothing, and wait."""
    idle: list[socket.socket] = []
    try:
        for number in range(IDLE):
            connection = socket.create_connection(("127.0.0.1", port), timeout=20)
            connection.setblocking(False)
            connection.send(says)
            idle.append(connection)
            if number % 50 == 0:
                await asyncio.sleep(0)  # the server runs in this loop too
        yield idle
    finally:
        for connection in idle:
            connection.close()


def has_ended(connection: socket.socket) -> bool:
    try:
        return not connection.recv(65536)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


async def all_ended(idle: list[socket.socket]) -> None:
    left = idle
    async with asyncio.timeout(ENDED_WITHIN_SECONDS):
        while left := [connection for connection in left if not has_ended(connection)]:  # noqa: ASYNC110 -- polled
            await asyncio.sleep(0.1)


def memory_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextlib.asynccontextmanager
async def module_with(sandbox: Sandbox, folder: Path, bounds: ConnectionBounds) -> AsyncIterator[RunningModule]:
    async with bounded_module(sandbox, f"sqlite:///{folder}/actions.db", bounds) as running:
        yield running


async def act(module: RunningModule) -> str:
    async with aiohttp.ClientSession() as session:
        return (await RestFace(session, module.rest_url).perform("SendMessage", MESSAGE, token())).code


@pytest.mark.parametrize("says", [b"", b"GET /health HTTP/1.1\r\n"], ids=["silent", "half a head"])
async def test_idle_connections_of_rest(sandbox: Sandbox, tmp_path: Path, says: bytes) -> None:
    async with module_with(sandbox, tmp_path, ConnectionBounds(most=IDLE + 100, quiet_seconds=3)) as module:
        before = memory_bytes()
        async with idle_connections(module.rest_port, says) as idle:
            assert await act(module) == "ok"
            assert memory_bytes() - before < MOST_MEMORY_BYTES
            await all_ended(idle)
        assert module.house.rest.connections.ended_for_others_count == 0


async def test_past_the_bound_the_longest_quiet_makes_room(sandbox: Sandbox, tmp_path: Path) -> None:
    async with module_with(sandbox, tmp_path, ConnectionBounds(most=100)) as module:
        connections = module.house.rest.connections
        async with idle_connections(module.rest_port) as idle:
            assert await act(module) == "ok"
            assert connections.open_count <= 100
            assert connections.ended_for_others_count >= IDLE - 100
            await all_ended(idle[: IDLE - 100])
        assert "discord_action_rest_connections_ended" in await _metrics(module)


def head_of_a_message(*headers: str) -> bytes:
    return head(
        "POST /api/v1/message HTTP/1.1",
        f"Authorization: Bearer {token()}",
        "Content-Type: application/json",
        "Content-Length: 10",
        *headers,
    )


async def test_when_all_are_busy_new_ones_are_turned_away_but_not_who_watches(sandbox: Sandbox, tmp_path: Path) -> None:
    started = head_of_a_message()
    async with module_with(sandbox, tmp_path, ConnectionBounds(most=2)) as module, contextlib.AsyncExitStack() as stack:
        connections = module.house.rest.connections
        busy = [await stack.enter_async_context(raw_http(module.rest_port)) for _ in range(2)]
        for connection in busy:
            await connection.send(started)
        async with asyncio.timeout(ENDED_WITHIN_SECONDS):
            while connections.quiet_count:  # noqa: ASYNC110 -- nobody tells when a request has begun
                await asyncio.sleep(0.01)
        one_more = await stack.enter_async_context(raw_http(module.rest_port))
        await one_more.send(started)
        assert await one_more.until_closed() == b""
        assert connections.turned_away_count == 1
        async with idle_connections(module.rest_port):
            for path in WATCHED:
                assert await status_of(module.rest_url + path) == 200
            assert connections.open_count <= 2 + SPARE
        await busy[0].send(b"{        }")
        assert (await busy[0].answer())[0] == 400
        assert await status_of(module.rest_url + "/health/live") == 200


async def test_one_that_came_beyond_the_bound_is_like_any_other_once_there_is_room(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with module_with(sandbox, tmp_path, ConnectionBounds(most=1)) as module, contextlib.AsyncExitStack() as stack:
        connections = module.house.rest.connections
        busy = await stack.enter_async_context(raw_http(module.rest_port))
        await busy.send(head_of_a_message("Connection: close"))
        async with asyncio.timeout(ENDED_WITHIN_SECONDS):
            while connections.quiet_count or not connections.open_count:  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0.01)
            late = await stack.enter_async_context(raw_http(module.rest_port))
            await late.send(head("GET /health/live HTTP/1.1"))
            assert ((await late.answer())[0], connections.open_count) == (200, 2)
            await busy.send(b"{        }")
            while connections.open_count > 1:  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0.01)
        await late.send(head("GET /openapi.json HTTP/1.1"))
        assert (await late.answer())[0] == 200


async def test_idle_connections_of_grpc() -> None:
    async with serving(bounds=Bounds(connections=IDLE + 100, handshake_seconds=3)) as served:
        before = memory_bytes()
        async with idle_connections(served.port) as idle:
            assert (await served.call("SendMessage", MESSAGE)).code is grpc.StatusCode.OK
            assert memory_bytes() - before < MOST_MEMORY_BYTES
            await all_ended(idle)


async def test_past_the_bound_grpc_closes_what_is_new() -> None:
    async with serving(bounds=Bounds(connections=100)) as served:
        assert (await served.call("SendMessage", MESSAGE)).code is grpc.StatusCode.OK
        async with idle_connections(served.port) as idle:
            await all_ended(idle[100:])
            assert (await served.call("SendMessage", MESSAGE)).code is grpc.StatusCode.OK


async def _metrics(module: RunningModule) -> str:
    async with aiohttp.ClientSession() as session, session.get(module.rest_url + "/metrics") as answer:
        return await answer.text()

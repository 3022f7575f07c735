"""Through a real Hypercorn on loopback: what no test client shows."""

import asyncio
import contextlib
import io
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from services.rest_api.request import LARGEST_BODY_BYTES
from tests.fakes.discord import waits_before_sending
from tests.unit.rest_api.house import House, until


class Server:
    """A House behind a port."""

    def __init__(self, house: House, port: int) -> None:
        self.house = house
        self.port = port

    async def exchange(self, head: str, *parts: bytes) -> tuple[int, str]:
        """Sends raw bytes on a connection of its own; gives the status and the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
            answer = await self._answer(reader)
        finally:
            writer.close()
        return int(answer.split()[1]), answer

    async def _answer(self, reader: asyncio.StreamReader) -> str:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        return head + (await reader.readexactly(length)).decode()


@contextlib.asynccontextmanager
async def serving(house: House) -> AsyncIterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # Hypercorn owns and closes it
    config.accesslog = config.errorlog = None
    stop = asyncio.Event()
    task = asyncio.create_task(serve(house.app, config, shutdown_trigger=stop.wait))
    try:
        yield Server(house, port)
    finally:
        stop.set()
        await task


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(House()) as running:
        yield running


HEAD = "POST /api/v1/message HTTP/1.1\nHost: x\nAuthorization: Bearer good-token\nContent-Type: application/json"
BODY = b'{"channel_id": "123", "content": "hello"}'


async def test_an_action_goes_through(server: Server) -> None:
    status, answer = await server.exchange(f"{HEAD}\nX-Request-ID: r-7\nContent-Length: {len(BODY)}", BODY)
    assert status == 200
    assert "x-request-id: r-7" in answer
    assert '"message_id":"900"' in answer


async def test_a_chunked_body_is_read(server: Server) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:9], BODY[9:])) + b"0\r\n\r\n"
    status, _ = await server.exchange(f"{HEAD}\nTransfer-Encoding: chunked", chunks)
    assert status == 200


async def test_a_flood_of_chunks_is_cut_off(server: Server) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    status, answer = await server.exchange(
        f"{HEAD}\nTransfer-Encoding: chunked", *[chunk] * (LARGEST_BODY_BYTES // 65536 + 1)
    )
    assert status == 413
    assert "payload_too_large" in answer


async def test_a_length_that_is_too_large_is_answered_before_the_body(server: Server) -> None:
    status, answer = await server.exchange(f"{HEAD}\nContent-Length: {LARGEST_BODY_BYTES + 1}")
    assert status == 413
    assert "connection: close" in answer


async def test_a_connection_whose_body_was_refused_is_not_used_again(server: Server) -> None:
    """The client is told, so that the next request does not run into the close."""
    url = f"http://127.0.0.1:{server.port}/api/v1/message"
    headers = {"Authorization": "Bearer good-token"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(3):
            too_large = io.BytesIO(b" " * (LARGEST_BODY_BYTES + 1))
            with contextlib.suppress(aiohttp.ClientOSError):  # the rest of the body may meet the closed connection
                async with session.post(url, data=too_large, headers={"Content-Type": "application/json"}) as refused:
                    assert refused.status == 413
            async with session.post(url, json={"channel_id": "123", "content": "hello"}) as answered:
                assert answered.status == 200


async def test_a_refused_request_whose_body_arrived_keeps_its_connection(server: Server) -> None:
    status, answer = await server.exchange(f"{HEAD}\nContent-Length: 2", b"[]")
    assert status == 400
    assert "connection: close" not in answer


async def test_a_bad_token_is_answered_before_the_body(server: Server) -> None:
    head = HEAD.replace("good-token", "bad")
    status, answer = await server.exchange(f"{head}\nContent-Length: 1000")
    assert status == 401
    assert 'www-authenticate: Bearer realm="discord-action", error="invalid_token"' in answer


async def test_head_is_answered_without_a_body(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("host", ["", "a b", "[::1", "x:99999999", "münchen"])
async def test_a_strange_host_decides_nothing(server: Server, host: str) -> None:
    status, _ = await server.exchange(f"GET /health/live HTTP/1.1\nHost: {host}")
    assert status in {200, 400}


async def test_nothing_speaks_websocket(server: Server) -> None:
    status, _ = await server.exchange(
        "GET /health HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13"
    )
    assert status == 404


async def test_a_client_that_hangs_up_stops_what_was_not_sent() -> None:
    house = House(waits_before_sending(asyncio.Event()))
    async with serving(house) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HEAD.replace("\n", "\r\n").encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        await until(lambda: house.discord.calls)
        writer.close()
        await until(lambda: house.record.ended)
    assert house.record.verdicts[0].error_code == "deadline_exceeded"

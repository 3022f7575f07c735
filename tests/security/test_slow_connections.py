"""Who sends slowly, or reads nothing, is given up. Meanwhile everybody else is served."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import grpc
import pytest

from sandbox import Sandbox
from services.grpc_handler import SERVICE_NAME, Bounds
from services.lifecycle.connection import ConnectionBounds
from services.rest_api.request import BoundedBody
from tests.support.http2 import get, http2, post
from tests.support.module import RunningModule, bounded_module, token
from tests.support.process import status_of
from tests.support.raw_http import head, raw_http
from tests.unit.grpc_handler.caller import AUTHORIZED, serving

type Call = "grpc.aio.StreamUnaryCall[bytes, bytes]"

IMPATIENT = ConnectionBounds(
    most=50, quiet_seconds=1.0, stall_seconds=1.0, closing_seconds=0.5, rest_of_body_seconds=0.3, handshake_seconds=1.0
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
BODY = b'{"channel_id": "123", "content": "hello"}'
GIVE_UP_SECONDS = 30.0


@pytest.fixture
async def module(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[RunningModule]:
    async with bounded_module(sandbox, f"sqlite:///{tmp_path}/actions.db", IMPATIENT) as running:
        yield running


async def trickle(writer: asyncio.StreamWriter, text: bytes) -> None:
    """A byte every now and then, for as long as the other side listens."""
    with contextlib.suppress(ConnectionError):
        for number in range(len(text)):
            writer.write(text[number : number + 1])
            await writer.drain()
            await asyncio.sleep(0.1)


async def none_is_left(module: RunningModule) -> None:
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while module.house.rest.connections.open_count:  # noqa: ASYNC110 -- nobody tells when a connection has ended
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "text",
    [b"", b"GET /" + b"x" * 1000, b"GET /health HTTP/1.1\r\nX-A: " + b"b" * 1000, PREFACE],
    ids=["nothing", "a request line", "a header", "a preface"],
)
async def test_a_head_that_never_ends(module: RunningModule, text: bytes) -> None:
    async with raw_http(module.rest_port) as slow:
        trickling = asyncio.create_task(trickle(slow.writer, text))
        assert await status_of(module.rest_url + "/health/live") == 200
        assert await slow.until_closed() == b""
        trickling.cancel()
    await none_is_left(module)


async def test_a_connection_that_begins_http_2_and_asks_for_nothing(module: RunningModule) -> None:
    async with raw_http(module.rest_port) as quiet:
        await quiet.send(PREFACE)
        assert await quiet.until_closed()  # its settings and its farewell
    await none_is_left(module)


async def test_a_body_that_never_ends(module: RunningModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedBody, "longest_seconds", 0.3)
    async with raw_http(module.rest_port) as slow:
        authorization = f"Authorization: Bearer {token()}"
        patient = "Prefer: wait=300"
        await slow.send(
            head("POST /api/v1/message HTTP/1.1", authorization, patient, "Content-Type: application/json",
                 "Content-Length: 1000")
        )  # fmt: skip
        trickling = asyncio.create_task(trickle(slow.writer, b" " * 900))
        status, answer = await slow.answer()
        assert (status, b"deadline_exceeded" in answer) == (504, True)
        await slow.until_closed()
        trickling.cancel()
    await none_is_left(module)


async def test_a_body_that_never_ends_on_http_2(module: RunningModule, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer comes, and what else runs on the connection goes on."""
    monkeypatch.setattr(BoundedBody, "longest_seconds", 0.3)
    async with http2(module.rest_port) as client:
        slow = await client.send(post("/api/v1/message", _bearer()), BODY[:5], ends=False)
        quick = await client.ask(post("/api/v1/message", _bearer()), BODY)
        assert quick.status == 200
        assert (await client.answer(slow)).status == 504


async def test_a_body_nobody_wants_does_not_break_an_http_2_connection(module: RunningModule) -> None:
    async with http2(module.rest_port) as client:
        refused = await client.send(post("/api/v1/message"), BODY[:5], ends=False)
        await client.continue_with(refused, b" " * 1000, ends=False)
        running = await client.send(post("/api/v1/message", _bearer()), BODY)
        await client.continue_with(refused, b" " * 1000, ends=True)

        assert (await client.answer(refused)).status == 401
        assert (await client.answer(running)).status == 200
        assert (await client.ask(get("/health/live"))).status == 200


async def test_a_reader_that_takes_nothing(module: RunningModule) -> None:
    """It asks and asks, and never reads: what is written for it is bounded, and so is the time it has."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", module.rest_port))
        connection.sendall(head("GET /openapi.json HTTP/1.1") * 100)
        assert await status_of(module.rest_url + "/health/live") == 200
        await none_is_left(module)


async def test_a_reader_that_takes_nothing_of_the_last_answer(module: RunningModule) -> None:
    """What fits into the buffers is written; the close that follows waits for nobody."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", module.rest_port))
        connection.sendall(head("GET /openapi.json HTTP/1.1", "Connection: close"))
        await none_is_left(module)


async def test_a_stream_whose_window_stays_shut(module: RunningModule) -> None:
    async with http2(module.rest_port, reads=False) as client:
        await client.send(get("/openapi.json"))
        await client.send(get("/openapi.json"))
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await client.ended.wait()
    await none_is_left(module)


@pytest.mark.parametrize("says", [b"", PREFACE[:9], PREFACE], ids=["nothing", "half a preface", "no answer to pings"])
async def test_a_grpc_connection_that_goes_silent(says: bytes) -> None:
    bounds = Bounds(handshake_seconds=0.5, idle_seconds_before_ping=1, longest_wait_for_ping_seconds=0.5)
    async with serving(bounds=bounds) as served, raw_http(served.port) as silent:
        await silent.send(says)
        await silent.until_closed()
        assert (await served.call("SendMessage", {"channel_id": "1", "content": "x"})).code is grpc.StatusCode.OK


async def test_a_grpc_message_that_never_comes() -> None:
    """Neither does a caller without a deadline hold one of the calls that are served at once."""
    async with serving(bounds=Bounds(message_seconds=0.3)) as served:
        call: Call = served.channel.stream_unary(f"/{SERVICE_NAME}/SendMessage")(metadata=AUTHORIZED)
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert served.rejections.codes == ["deadline_exceeded"]
        assert served.service.asked == []


async def test_a_grpc_call_that_ends_without_a_message() -> None:
    async with serving() as served:
        call: Call = served.channel.stream_unary(f"/{SERVICE_NAME}/SendMessage")(metadata=AUTHORIZED)
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


def _bearer() -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token()}".encode()


async def test_an_answer_is_read_at_the_readers_pace(module: RunningModule) -> None:
    """Slow is not stalled: a reader that goes on reading gets all of it."""
    async with aiohttp.ClientSession() as session, session.get(module.rest_url + "/openapi.json") as answer:
        pieces = [piece async for piece in answer.content.iter_chunked(4096)]
    assert len(b"".join(pieces)) == int(answer.headers["Content-Length"])

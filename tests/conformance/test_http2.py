"""REST over HTTP/2: by prior knowledge in the clear, and by ALPN over TLS. The same answers as over HTTP/1.1."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from sandbox import Sandbox
from tests.support.http2 import Http2Client, Stream, get, http2, post
from tests.support.module import RunningModule, running_module, token
from tests.support.tls import client_context, tls_files

BODY = json.dumps({"channel_id": "123", "content": "hello"}).encode()


@pytest.fixture(params=["h2c", "h2"])
async def served(
    request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path
) -> AsyncIterator[tuple[RunningModule, ssl.SSLContext | None]]:
    authority = trustme.CA()
    files = tls_files(authority, tmp_path) if request.param == "h2" else {}
    context = client_context(authority, "h2") if request.param == "h2" else None
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db", **files) as module:
        yield module, context


type Served = tuple[RunningModule, ssl.SSLContext | None]


@asynccontextmanager
async def connected(served: Served) -> AsyncIterator[Http2Client]:
    module, context = served
    async with http2(module.rest_port, context) as client:
        tls = client.writer.get_extra_info("ssl_object")
        assert tls is None or tls.selected_alpn_protocol() == "h2"
        yield client


def bearer() -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {token()}".encode()


async def test_an_action(served: Served) -> None:
    async with connected(served) as client:
        stream = await client.ask(post("/api/v1/message", bearer(), (b"x-request-id", b"r-1")), BODY)
    content = json.loads(stream.body)
    assert (stream.status, content["success"], stream.headers["x-request-id"]) == (200, True, "r-1")
    row = await served[0].row(content["action_id"])
    assert (row.protocol, row.outcome) == ("rest", "delivered")


async def test_a_problem(served: Served) -> None:
    async with connected(served) as client:
        stream = await client.ask(post("/api/v1/message", bearer()), b'{"channel_id": "0"}')
    content = json.loads(stream.body)
    assert (stream.status, content["code"]) == (400, "invalid_argument")
    assert stream.headers["content-type"].startswith("application/problem+json")


async def test_a_refusal_before_the_body(served: Served) -> None:
    async with connected(served) as client:
        stream = await client.ask(post("/api/v1/message"), b" " * 200_000)
        assert (stream.status, json.loads(stream.body)["code"]) == (401, "unauthenticated")
        assert (await client.ask(get("/health/live"))).status == 200


async def test_many_at_once_on_one_connection(served: Served) -> None:
    async with connected(served) as client:
        actions = [await client.send(post("/api/v1/message", bearer()), BODY) for _ in range(5)]
        others = [await client.send(get("/openapi.json")) for _ in range(40)]
        answers = [await client.answer(stream) for stream in (*actions, *others)]
    assert {answer.status for answer in answers} == {200}
    assert len({json.loads(answer.body)["action_id"] for answer in answers[:5]}) == 5
    assert len({answer.body for answer in answers[5:]}) == 1


async def test_what_runs_at_a_stop_is_answered(served: Served, sandbox: Sandbox) -> None:
    """And the connection is closed in the protocol's own words."""
    sandbox.faults.add("latency", seconds=0.5)
    async with connected(served) as client:
        running = await client.send(post("/api/v1/message", bearer()), BODY)
        async with asyncio.timeout(20):
            while not len(sandbox.requests):  # noqa: ASYNC110 -- the sandbox has no event for it
                await asyncio.sleep(0.01)
        stopping = asyncio.create_task(served[0].house.rest.stop(5))
        answered: Stream = await client.answer(running)
        await stopping
        assert answered.status == 200
        assert json.loads(answered.body)["success"] is True
        async with asyncio.timeout(20):
            await client.ended.wait()
        assert client.goaway_code == 0

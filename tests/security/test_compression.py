"""Bodies that inflate: REST takes none, and gRPC stops where its bound is, with the memory of the bound."""

import gzip
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import grpc
import pytest

from proto import discord_action_pb2 as messages
from proto.discord_action_pb2_grpc import DiscordActionStub
from sandbox import Sandbox
from tests.conformance.faces import SERVICE
from tests.support.http2 import http2
from tests.support.module import RunningModule, environment, token
from tests.support.process import Program, serving_program

INFLATED_BYTES = 256 * 1024 * 1024
MOST_MEMORY_KIB = 48 * 1024
RESOURCE_EXHAUSTED = str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
JSON = b'{"channel_id": "123", "content": "hello"}'


def bomb(window_bits: int) -> bytes:
    """Zeros, a thousandth of their size."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    piece = bytes(1024 * 1024)
    pieces = [deflate.compress(piece) for _ in range(INFLATED_BYTES // len(piece))]
    return b"".join((*pieces, deflate.flush()))


GZIP = bomb(31)
DEFLATE = bomb(15)


@pytest.fixture
async def program(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Program]:
    async with serving_program(environment(sandbox, f"sqlite:///{tmp_path}/actions.db")) as started:
        yield started


def highest_memory_kib(program: Program) -> int:
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "GZIP", "gzip, identity", "x-gzip", "junk"])
async def test_rest_takes_no_compressed_body(module: RunningModule, sandbox: Sandbox, coding: str) -> None:
    headers = {"Authorization": f"Bearer {token()}", "Content-Encoding": coding, "Content-Type": "application/json"}
    url = module.rest_url + "/api/v1/message"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=_raw(gzip.compress(JSON)), headers=headers) as answer,
    ):
        assert answer.status == 415
        assert (await answer.json(content_type=None))["code"] == "unsupported_media_type"
    assert len(sandbox.requests) == 0


async def test_a_bomb_costs_rest_nothing(program: Program) -> None:
    before = highest_memory_kib(program)
    headers = {"Authorization": f"Bearer {token()}", "Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session:
        for path in ("/api/v1/message", "/api/v1/token"):
            async with session.post(program.rest_url + path, data=_raw(GZIP), headers=headers) as answer:
                assert answer.status == 415
    assert highest_memory_kib(program) - before < MOST_MEMORY_KIB


@pytest.mark.parametrize(("coding", "body"), [(b"gzip", GZIP), (b"deflate", DEFLATE)], ids=["gzip", "deflate"])
async def test_a_bomb_costs_grpc_no_more_than_its_bound(program: Program, coding: bytes, body: bytes) -> None:
    before = highest_memory_kib(program)
    async with http2(program.grpc_port) as client:
        stream = await client.ask(_grpc_headers(coding), b"\1" + len(body).to_bytes(4, "big") + body)
    assert stream.headers["grpc-status"] == RESOURCE_EXHAUSTED
    assert highest_memory_kib(program) - before < MOST_MEMORY_KIB


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_grpc_takes_what_is_compressed_and_within_bounds(
    module: RunningModule, compression: grpc.Compression
) -> None:
    async with grpc.aio.insecure_channel(module.grpc_target, compression=compression) as channel:
        request = messages.SendMessageRequest(channel_id="123", content="hello", token=token())
        assert (await DiscordActionStub(channel).SendMessage(request)).success


def _grpc_headers(coding: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", f"{SERVICE}SendMessage".encode()),
        (b":authority", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        (b"grpc-encoding", coding),
    )


def _raw(body: bytes) -> aiohttp.BytesPayload:
    """A body that the client does not compress by itself."""
    return aiohttp.BytesPayload(body)

"""More than there may be: of bytes, of levels, of fields, of headers. Refused by its bound, on both protocols."""

import io
from typing import Any

import aiohttp
import grpc
import pytest

from proto import discord_action_pb2 as messages
from sandbox import Sandbox
from tests.conformance.faces import SERVICE, Face
from tests.support.module import RunningModule, token
from tests.support.raw_http import head, raw_http

MEGABYTE = 1024 * 1024
START = b'{"channel_id": "123", "content": "hello", "embed": '
BODIES: dict[str, tuple[bytes, int]] = {
    "a text of a megabyte": (b'{"channel_id": "123", "content": "' + b"x" * MEGABYTE + b'"}', 413),
    "blanks": (b" " * (MEGABYTE + 1), 413),
    "a deep list": (START + b"[" * 1000 + b"]" * 1000 + b"}", 400),
    "a very deep list": (b"[" * 500_000, 400),
    "a deep object": (START + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}", 400),
    "seventeen levels": (START + b"[" * 17 + b"]" * 17 + b"}", 400),
    "many fields": (b"{" + b",".join(b'"f%d":1' % number for number in range(50_000)) + b"}", 400),
    "the same field again and again": (b"{" + b",".join([b'"content":"a"'] * 50_000) + b"}", 400),
    "many items": (START + b'{"fields":[' + b",".join([b"{}"] * 100_000) + b"]}}", 400),
    "a huge number": (b'{"channel_id": 1' + b"0" * 100_000 + b"}", 400),
    "a huge exponent": (b'{"channel_id": 1e999999999}', 400),
    "a long name": (b'{"' + b"n" * 500_000 + b'": 1}', 400),
    "escapes": (b'{"content": "' + b"\\u0000" * 100_000 + b'"}', 400),
    "no UTF-8": (b'{"content": "\xff\xfe"}', 400),
    "half a surrogate": (b'{"channel_id": "123", "content": "\\ud800"}', 400),
    "not a number": (b'{"channel_id": NaN}', 400),
    "nothing": (b"", 400),
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_past_its_bounds(module: RunningModule, sandbox: Sandbox, case: str) -> None:
    body, expected = BODIES[case]
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/json"}
    url = module.rest_url + "/api/v1/message"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, data=io.BytesIO(body)) as answer,
    ):
        assert answer.status == expected
        assert len(await answer.read()) < 64 * 1024
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize(
    "headers",
    [("X-A: " + "a" * 60_000,), tuple(f"X-{number}: {'a' * 30}" for number in range(2500)), ("a" * 60_000 + ": 1",)],
    ids=["a long header", "many headers", "a long name"],
)
async def test_a_head_past_its_bounds(module: RunningModule, headers: tuple[str, ...]) -> None:
    async with raw_http(module.rest_port) as connection:
        await connection.send(head("GET /health HTTP/1.1", *headers))
        assert (await connection.answer())[0] in {0, 400, 431}


async def test_a_target_past_its_bounds(module: RunningModule) -> None:
    async with raw_http(module.rest_port) as connection:
        await connection.send(head(f"GET /health?{'a' * 100_000} HTTP/1.1"))
        assert (await connection.answer())[0] in {0, 400, 414, 431}


GRPC: dict[str, bytes] = {
    "a megabyte": messages.SendMessageRequest(channel_id="123", content="x" * (MEGABYTE + 1)).SerializeToString(),
    "groups in groups": b"\xa3\x06" * 100_000,
    "a length past the end": b"\x0a\xff\xff\xff\xff\x0f",
    "a number without an end": b"\xff" * 1000,
    "many embeds' fields": messages.SendEmbedRequest(
        channel_id="123", embed=messages.EmbedData(fields=[messages.EmbedField(name="n", value="v")] * 10_000)
    ).SerializeToString(),
}


@pytest.mark.parametrize("case", GRPC)
async def test_a_message_past_its_bounds(module: RunningModule, sandbox: Sandbox, case: str) -> None:
    async with grpc.aio.insecure_channel(module.grpc_target) as channel:
        rpc = "SendEmbed" if "embeds" in case else "SendMessage"
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{SERVICE}{rpc}")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(GRPC[case], metadata=(("authorization", f"Bearer {token()}"),), timeout=10)
    too_much = grpc.StatusCode.RESOURCE_EXHAUSTED if case == "a megabyte" else grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.code() is too_much
    assert len(sandbox.requests) == 0


async def test_metadata_past_its_bounds(module: RunningModule) -> None:
    async with grpc.aio.insecure_channel(module.grpc_target) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{SERVICE}SendMessage")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"", metadata=(("x-huge", "v" * 100_000),), timeout=10)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "a long text": ("SendMessage", {"channel_id": "123", "content": "x" * 2001}),
    "a long reason": ("KickUser", {"guild_id": "1", "user_id": "40", "reason": "x" * 100_000}),
    "a long emoji": ("AddReaction", {"channel_id": "123", "message_id": "9", "emoji": "👍" * 50_000}),
    "a long address": ("SendWebhook", {"webhook_url": "https://discord.com/" + "x" * 100_000, "content": "x"}),
    "many mentions": ("SendMessage", {"channel_id": "123", "content": "x", "allowed_mentions": ["users"] * 10_000}),
    "many embeds": ("SendWebhook", {"webhook_url": "x", "embeds": [{"title": "x"}] * 5000}),
    "a long embed": ("SendEmbed", {"channel_id": "123", "embed": {"description": "x" * 500_000}}),
}


@pytest.mark.parametrize("case", FIELDS)
async def test_a_field_past_its_bounds(face: Face, sandbox: Sandbox, case: str) -> None:
    rpc, fields = FIELDS[case]
    assert (await face.perform(rpc, fields, token())).code == "invalid_argument"
    assert len(sandbox.requests) == 0

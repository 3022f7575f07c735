"""Metadata as no library of gRPC's would send it: refused in words of the protocol's or of ours, or harmless."""

import base64
from collections.abc import AsyncIterator

import grpc
import pytest

from proto import discord_action_pb2 as messages
from tests.conformance.faces import SERVICE
from tests.support.http2 import Http2Client, Stream, http2
from tests.support.module import RunningModule, token

MESSAGE = messages.SendMessageRequest(channel_id="123", content="hello").SerializeToString()
FRAME = b"\0" + len(MESSAGE).to_bytes(4, "big") + MESSAGE
PATH = f"{SERVICE}SendMessage".encode()
FAULTS = {str(grpc.StatusCode.UNKNOWN.value[0]), str(grpc.StatusCode.INTERNAL.value[0])}

type Pairs = tuple[tuple[bytes, bytes], ...]


@pytest.fixture
async def client(module: RunningModule) -> AsyncIterator[Http2Client]:
    async with http2(module.grpc_port) as connected:
        yield connected


def headers(*more: tuple[bytes, bytes], **changed: bytes | None) -> Pairs:
    """What a library would send, changed."""
    usual: dict[bytes, bytes | None] = {
        b":method": b"POST",
        b":scheme": b"http",
        b":path": PATH,
        b":authority": b"localhost",
        b"content-type": b"application/grpc",
        b"te": b"trailers",
        b"authorization": f"Bearer {token()}".encode(),
    }
    usual |= {name.replace("_", "-").encode(): value for name, value in changed.items()}
    return (*((name, value) for name, value in usual.items() if value is not None), *more)


def code(stream: Stream) -> str:
    return stream.headers.get("grpc-status", "none")


def is_fault_of_ours(stream: Stream) -> bool:
    """gRPC's core calls what breaks its rules INTERNAL, before any of our code; ours always says why in the details."""
    return code(stream) in FAULTS and "grpc-status-details-bin" in stream.headers


async def test_as_a_library_sends_it(client: Http2Client) -> None:
    assert code(await client.ask(headers(), FRAME)) == "0"


HARMLESS: dict[str, Pairs] = {
    "many keys": headers(*((b"x-key-%d" % number, b"v") for number in range(100))),
    "binary junk": headers((b"trace-bin", b"AAEC/w"), (b"x-bin", base64.b64encode(bytes(range(256))))),
    "a strange request id": headers((b"x-request-id", b"a\x7f\xff" * 50)),
    "two request ids": headers((b"x-request-id", b"a"), (b"x-request-id", b"b")),
    "junk in traceparent": headers((b"traceparent", b"00-zz-\xff-")),
    "method override": headers((b"x-http-method-override", b"DELETE")),
    "encodings it cannot know": headers((b"grpc-accept-encoding", b"junk,\xff,zstd")),
    "another content type": headers(**{"content-type": b"text/html"}),
    "no content type": headers(**{"content-type": None}),
    "a line break": headers((b"x-key", b"a\r\nauthorization: b")),
    "NUL": headers((b"x-key", b"a\0b")),
}
REFUSED: dict[str, Pairs] = {
    "two tokens": headers((b"authorization", b"Bearer x")),
    "a good token twice": headers((b"authorization", f"Bearer {token()}".encode())),
    "a token with blanks": headers(authorization=b"Bearer a b c"),
    "no UTF-8 in a token": headers(authorization=b"Bearer \xff\xfe\x80"),
    "another scheme": headers(authorization=b"Basic cm91dGVyOg=="),
    "no authority": headers()[:3] + headers()[4:],
    "no te": tuple(pair for pair in headers() if pair[0] != b"te"),
    "binary that is no base64": headers((b"x-bin", b"%%%")),
    "an empty priority": headers((b"x-priority", b"no-such")),
    "two keys": headers((b"idempotency-key", b"a"), (b"idempotency-key", b"b")),
    "a key that is too long": headers((b"idempotency-key", b"k" * 4096)),
    "a key that is no text": headers((b"idempotency-key", b"\xff\x00\x80")),
    "a huge value": headers((b"x-huge", b"v" * 40_000)),
    "very many keys": headers(*((b"x-key-%d" % number, b"v" * 20) for number in range(2_000))),
    "a path that is none": headers(**{":path": b"/\xff\xfe/%00"}),
    "another service": headers(**{":path": b"/discord_action.Discord/SendMessage"}),
    "no path": headers(**{":path": b""}),
    "another method": headers(**{":method": b"GET"}),
    "an unknown pseudo header": ((b":evil", b"1"), *headers()),
    "a pseudo header at the end": headers((b":path", b"/x")),
    "upper case": headers((b"X-Upper", b"1")),
    "an encoding nobody knows": headers((b"grpc-encoding", b"junk")),
}
BROKEN_TIMEOUTS = (
    b"",
    b"1",
    b"S",
    b"-1S",
    b"1.5S",
    b"1X",
    b"99999999999S",
    b"1 S",
    b"\xffS",
    b"0S",
    b"0n",
    b"1n",
    b"NaNS",
)


@pytest.mark.parametrize("case", HARMLESS)
async def test_what_harms_nobody_is_let_through(client: Http2Client, case: str) -> None:
    stream = await client.ask(HARMLESS[case], FRAME)
    assert code(stream) == "0", stream.headers


@pytest.mark.parametrize("case", REFUSED)
async def test_the_rest_is_refused_and_never_a_fault_of_ours(
    client: Http2Client, module: RunningModule, case: str
) -> None:
    stream = await client.ask(REFUSED[case], FRAME)

    assert code(stream) != "0"
    assert not is_fault_of_ours(stream), stream.headers
    async with http2(module.grpc_port) as another:
        assert code(await another.ask(headers(), FRAME)) == "0"


@pytest.mark.parametrize("written", BROKEN_TIMEOUTS)
async def test_a_broken_timeout_is_no_fault_of_ours(client: Http2Client, written: bytes) -> None:
    stream = await client.ask(headers((b"grpc-timeout", written)), FRAME)
    assert not is_fault_of_ours(stream), stream.headers


@pytest.mark.parametrize(
    "body",
    [b"", b"\0", b"\0\0\0\0\1", b"\0\xff\xff\xff\xff", b"\1" + FRAME[1:], b"\x07" + FRAME[1:], b"\0\0\0\0\0"],
    ids=["nothing", "one byte", "cut short", "four gigabytes", "not compressed at all", "unknown flags", "empty"],
)
async def test_a_broken_frame_is_no_action(client: Http2Client, module: RunningModule, body: bytes) -> None:
    stream = await client.ask(headers((b"grpc-encoding", b"gzip")), body)
    assert code(stream) != "0", stream.headers
    async with http2(module.grpc_port) as another:
        assert code(await another.ask(headers(), FRAME)) == "0"

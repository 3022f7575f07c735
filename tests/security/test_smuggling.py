"""Requests that two readers would read differently: refused, or read in the one way that harms nobody. Never a 5xx."""

import pytest

from sandbox import Sandbox
from tests.support.http2 import get, http2, post
from tests.support.module import RunningModule, token
from tests.support.raw_http import head, raw_http

BODY = b'{"channel_id": "123", "content": "hello"}'
HIDDEN = b"POST /api/v1/message HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH = f"Content-Length: {len(BODY)}"
AUTHORIZATION = f"Authorization: Bearer {token()}"
JSON = "Content-Type: application/json"
POST = "POST /api/v1/message HTTP/1.1"
NO_SUCH_CODING = 501
"""What https://www.rfc-editor.org/rfc/rfc9112#section-6.1 has for a transfer coding that is not known."""
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


def action(*headers: str, line: str = POST) -> bytes:
    return head(line, AUTHORIZATION, JSON, *headers)


REFUSED = {
    "two lengths that differ": action(LENGTH, "Content-Length: 0") + BODY + HIDDEN,
    "two lengths in one": action(f"{LENGTH}, 0") + BODY + HIDDEN,
    "a length with a sign": action(f"Content-Length: +{len(BODY)}") + BODY,
    "a length with a blank inside": action("Content-Length: 4 1") + BODY,
    "a length in hex": action(f"Content-Length: {len(BODY):#x}") + BODY,
    "a negative length": action("Content-Length: -1") + BODY,
    "a length beyond all bounds": action("Content-Length: " + "9" * 30) + BODY,
    "an unknown transfer coding": action("Transfer-Encoding: xchunked") + CHUNKED,
    "chunked and another transfer coding": action("Transfer-Encoding: chunked, identity") + CHUNKED,
    "a transfer coding that compresses": action("Transfer-Encoding: gzip, chunked") + CHUNKED,
    "two transfer codings": action("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + CHUNKED,
    "a chunk size with a sign": action("Transfer-Encoding: chunked") + b"+5\r\nabcde\r\n0\r\n\r\n",
    "a chunk size beyond all bounds": action("Transfer-Encoding: chunked") + b"f" * 40 + b"\r\n",
    "a blank before the colon": head(POST, AUTHORIZATION, JSON, f"Content-Length : {len(BODY)}") + BODY,
    "NUL in a header": action("X-A: a\0b", LENGTH) + BODY,
    "a header without a colon": action("X-A", LENGTH) + BODY,
    "a header without a name": action(": a", LENGTH) + BODY,
    "no version": action(LENGTH, line="POST /api/v1/message") + BODY,
    "a blank in the path": action(LENGTH, line="POST /api/v1/mess age HTTP/1.1") + BODY,
    "a method that is none": action(LENGTH, line="P(ST /api/v1/message HTTP/1.1") + BODY,
    "two hosts": head(POST, "Host: evil.org", AUTHORIZATION, JSON, LENGTH) + BODY,
    "no host": f"{POST}\r\n{AUTHORIZATION}\r\n{JSON}\r\n{LENGTH}\r\n\r\n".encode() + BODY,
    "two tokens": action("Authorization: Bearer x", LENGTH) + BODY,
    "the same token twice": action(AUTHORIZATION, LENGTH) + BODY,
    "two media types": action("Content-Type: text/plain", LENGTH) + BODY,
    "two keys": action("Idempotency-Key: a", "Idempotency-Key: b", LENGTH) + BODY,
    "an encoded slash": action(LENGTH, line="POST /api/v1%2Fmessage%2F HTTP/1.1") + BODY,
    "NUL in the path": action(LENGTH, line="POST /api/v1/message%00 HTTP/1.1") + BODY,
    "no UTF-8 in the path": action(LENGTH, line="POST /api/v1/message%ff%fe HTTP/1.1") + BODY,
    "dots in the path": action(LENGTH, line="POST /api/v1/../v1/message HTTP/1.1") + BODY,
    "two slashes": action(LENGTH, line="POST //api/v1/message HTTP/1.1") + BODY,
    "a target without a path": action(LENGTH, line="POST ?x=y HTTP/1.1") + BODY,
    "an address that is none": action(LENGTH, line="POST http://[ HTTP/1.1") + BODY,
    "another address": action(LENGTH, line="POST http://evil.org/admin HTTP/1.1") + BODY,
    "a tunnel": action(line="CONNECT discord.com:443 HTTP/1.1"),
    "an asterisk": action(line="OPTIONS * HTTP/1.1"),
    "a trace": action(line="TRACE /api/v1/message HTTP/1.1"),
    "another method in a header": head("GET /api/v1/message HTTP/1.1", AUTHORIZATION, "X-HTTP-Method-Override: POST"),
    "another method in the query": head("GET /api/v1/message?_method=POST HTTP/1.1", AUTHORIZATION),
    "another path in a header": head("POST /nowhere HTTP/1.1", AUTHORIZATION, "X-Original-URL: /api/v1/message"),
    "a head that is too long": action("X-A: " + "a" * 60_000, LENGTH) + BODY,
    "very many headers": action(*(f"X-{number}: a" for number in range(6000)), LENGTH) + BODY,
}  # fmt: skip
HARMLESS = {
    "another version": action(LENGTH, line="POST /api/v1/message HTTP/9.9") + BODY,
    "a folded header": head(POST, AUTHORIZATION, JSON, "X-A: b\r\n Transfer-Encoding: chunked", LENGTH) + BODY,
    "as it should be": action(LENGTH) + BODY,
    "in chunks": action("Transfer-Encoding: chunked") + CHUNKED,
    "the same length twice": action(LENGTH, LENGTH) + BODY,
    "a whole address": action(LENGTH, line="POST http://localhost/api/v1/message HTTP/1.1") + BODY,
    "a strange host": head(POST, AUTHORIZATION, JSON, LENGTH, host="evil.org:99999@x") + BODY,
    "a forwarded host": action("X-Forwarded-Host: evil.org", "Forwarded: host=evil.org", LENGTH) + BODY,
    "bare line feeds": action(LENGTH).replace(b"\r\n", b"\n") + BODY,
    "more after the request": action(LENGTH) + BODY + HIDDEN,
    "another method in a header": action("X-HTTP-Method-Override: DELETE", LENGTH) + BODY,
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_can_be_read_in_two_ways_is_refused(module: RunningModule, sandbox: Sandbox, case: str) -> None:
    async with raw_http(module.rest_port) as connection:
        await connection.send(REFUSED[case])
        status, _ = await connection.answer()
    assert status == 0 or 400 <= status < 500 or (status == NO_SUCH_CODING and "coding" in case), status
    assert len(sandbox.requests) == 0


@pytest.mark.parametrize("case", HARMLESS)
async def test_what_harms_nobody_is_one_action(module: RunningModule, sandbox: Sandbox, case: str) -> None:
    async with raw_http(module.rest_port) as connection:
        await connection.send(HARMLESS[case])
        status, answer = await connection.answer()
    assert status == 200, answer
    assert [request.path for request in sandbox.requests] == ["/api/v10/channels/123/messages"]


async def test_length_and_chunks_together_are_read_as_chunks_and_nothing_follows(
    module: RunningModule, sandbox: Sandbox
) -> None:
    """https://www.rfc-editor.org/rfc/rfc9112#section-6.1: refused, or the connection is closed after it."""
    async with raw_http(module.rest_port) as connection:
        await connection.send(
            action("Content-Length: 4", "Transfer-Encoding: chunked") + CHUNKED + action(LENGTH) + BODY
        )
        status, _ = await connection.answer()
        assert status == 200
        await connection.until_closed()
    assert len(sandbox.requests) == 1


async def test_no_tunnel_is_dug_past_a_proxy(module: RunningModule) -> None:
    """A proxy that lets `Upgrade: h2c` through would see nothing of what follows."""
    async with raw_http(module.rest_port) as connection:
        upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
        await connection.send(head("GET /health HTTP/1.1", *upgrade))
        answer = await connection.until_closed()
    assert b"healthy" not in answer


@pytest.mark.parametrize("settings", ["", "AAMAAABk", "%%%", "a" * 1001])
async def test_an_upgrade_that_is_none_breaks_that_connection_alone(module: RunningModule, settings: str) -> None:
    async with raw_http(module.rest_port) as connection:
        await connection.send(head("GET /health HTTP/1.1", "Upgrade: h2c", f"HTTP2-Settings: {settings}"))
        await connection.until_closed()
    async with raw_http(module.rest_port) as another:
        await another.send(head("GET /health/live HTTP/1.1"))
        assert (await another.answer())[0] == 200


H2_ODD = {
    "no UTF-8 in the path": get("/health\xff"),
    "no path": tuple(pair for pair in get("/health") if pair[0] != b":path"),
    "an empty path": get(""),
    "no method": get("/health")[1:],
    "two paths": get("/health", (b":path", b"/metrics")),
    "upper case": get("/health", (b"X-UPPER", b"a")),
    "a connection header": get("/health", (b"connection", b"keep-alive")),
    "a transfer coding": post("/api/v1/message", (b"transfer-encoding", b"chunked")),
    "a line break": get("/health", (b"x-a", b"a\r\nb: c")),
    "a pseudo header at the end": get("/health", (b":scheme", b"https")),
    "a length that is wrong": post("/api/v1/message", (b"content-length", b"3")),
    "a tunnel": ((b":method", b"CONNECT"), (b":authority", b"discord.com:443")),
    "an upgrade": get("/health", (b"upgrade", b"websocket")),
    "very many headers": get("/health", *((b"x-%d" % number, b"a" * 20) for number in range(2000))),
}


@pytest.mark.parametrize("case", H2_ODD)
async def test_odd_requests_on_http_2_harm_nobody(module: RunningModule, sandbox: Sandbox, case: str) -> None:
    async with http2(module.rest_port) as client:
        stream = await client.ask(H2_ODD[case], BODY if b"POST" in H2_ODD[case][0] else b"")
        assert stream.status < 500
    async with http2(module.rest_port) as another:
        assert (await another.ask(get("/health/live"))).status == 200
    assert len(sandbox.requests) == 0

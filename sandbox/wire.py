"""Sending an answer, well or badly. The bad ways write to the socket below the HTTP server."""

import asyncio
import contextlib
import socket
import struct
from http import HTTPStatus

from aiohttp import web

from sandbox.call import Answer

LINGER_ZERO = struct.pack("ii", 1, 0)
HEAD_SHARE = 2
"""An answer without a body is cut after this fraction of its head."""


def respond(answer: Answer) -> web.Response:
    """The answer, whole."""
    return web.Response(
        status=answer.status,
        body=answer.encoded() if answer.has_body else None,
        headers=answer.wire_headers(),
    )


def reset(request: web.BaseRequest) -> web.Response:
    """Breaks the connection with RST."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        transport.abort()
    return _unsendable()


def truncate(request: web.BaseRequest, answer: Answer) -> web.Response:
    """Promises the whole body, sends half of it, closes."""
    head, body = _serialised(answer)
    _write(request, head + body[: len(body) // 2] if body else head[: len(head) // HEAD_SHARE])
    return _close(request)


async def drip(request: web.BaseRequest, answer: Answer, seconds: float) -> web.Response:
    """Sends the body (the head, where there is none) byte by byte over `seconds`."""
    head, body = _serialised(answer)
    slow = body or head
    if body:
        _write(request, head)
    for byte in slow:
        if is_gone(request):
            break
        _write(request, bytes([byte]))
        await asyncio.sleep(seconds / len(slow))
    return _close(request)


def is_gone(request: web.BaseRequest) -> bool:
    """The other side has hung up."""
    return request.transport is None or request.transport.is_closing()


def _serialised(answer: Answer) -> tuple[bytes, bytes]:
    body = answer.encoded()
    headers = answer.wire_headers() | {"Connection": "close"}
    if answer.has_body:
        headers["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _write(request: web.BaseRequest, block: bytes) -> None:
    transport = request.transport
    if isinstance(transport, asyncio.WriteTransport) and not transport.is_closing():
        transport.write(block)


def _close(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return _unsendable()


def _unsendable() -> web.Response:
    """The server wants a response even for a connection that is closed; it never leaves."""
    response = web.Response(status=500)
    response.force_close()
    return response

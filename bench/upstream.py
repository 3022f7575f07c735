"""Discord's place in a measurement: answers every request at once from a constant, and remembers nothing.

    python -m bench.upstream

prints its port as the first line. It reads just enough HTTP/1.1 to find the end of a request: the heads end in an empty
line, the bodies have a Content-Length. No limit headers, so nothing is learned from it; `Via` is there, as on all of
Discord's own answers.
"""

import asyncio
import re
from typing import Final, cast, override

from bench.serving import announce, run, termination
from bench.wire import discord_message

HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
FIXED_HEADERS: Final = b"Via: 1.1 google\r\nServer: cloudflare\r\nConnection: keep-alive\r\n"
LARGEST_REQUEST_BYTES: Final = 1024 * 1024
# Methods Discord answers with 204 and nothing else.
SILENT_METHODS: Final = (b"PUT ", b"DELETE ")


def _answer(status: bytes, body: bytes) -> bytes:
    content_type = b"Content-Type: application/json\r\n" if body else b""
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"HTTP/1.1 " + status + b"\r\n" + FIXED_HEADERS + content_type + length + b"\r\n" + body


MESSAGE: Final = _answer(b"200 OK", discord_message())
NOTHING: Final = _answer(b"204 No Content", b"")


class Answerer(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._unread = b""
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it

    @override
    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._unread += data
        while request := self._next_request():
            self._transport.write(NOTHING if request.startswith(SILENT_METHODS) else MESSAGE)
        if len(self._unread) > LARGEST_REQUEST_BYTES:
            self._transport.close()

    def _next_request(self) -> bytes | None:
        """Takes a whole request off what was read, or None when there is none yet."""
        head_end = self._unread.find(HEAD_END)
        if head_end < 0:
            return None
        found = LENGTH.search(self._unread, 0, head_end)
        end = head_end + len(HEAD_END) + (int(found[1]) if found else 0)
        if len(self._unread) < end:
            return None
        request, self._unread = self._unread[:end], self._unread[end:]
        return request


async def serve() -> None:
    """Answers until SIGTERM."""
    server = await asyncio.get_running_loop().create_server(Answerer, "127.0.0.1", 0, backlog=1024)
    announce(server.sockets[0].getsockname()[1])
    await termination().wait()
    server.close()


if __name__ == "__main__":
    run(serve())

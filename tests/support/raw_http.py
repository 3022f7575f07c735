"""HTTP/1.1 by hand, for what no client would send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ANSWER_SECONDS = 30.0


class RawConnection:
    """A connection that sends bytes and shows the bytes that come back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, sent: bytes) -> None:
        self.writer.write(sent)
        await self.writer.drain()

    async def until_closed(self) -> bytes:
        """All that comes until the server closes. Raises TimeoutError when it does not."""
        received = b""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while chunk := await self.reader.read(65536):
                    received += chunk
        except ConnectionError:
            pass
        return received

    async def answer(self) -> tuple[int, bytes]:
        """The status and the body of one answer that tells its length; 0 when the server closed instead."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                head = await self.reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
                return int(head.split()[1]), await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, b""


@asynccontextmanager
async def raw_http(port: int) -> AsyncIterator[RawConnection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


def head(request_line: str, *headers: str, host: str = "localhost") -> bytes:
    return "\r\n".join([request_line, f"Host: {host}", *headers, "", ""]).encode("latin-1")

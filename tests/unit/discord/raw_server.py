"""A server that speaks bytes, so that every way an answer can go wrong can be played on a real connection."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

VIA = "Via: 1.1 google\r\n"
MORE_THAN_THE_QUEUE_HOLDS = 4
MOST_IN_THE_QUEUE = 1_000


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]


@dataclass(slots=True)
class Exchange:
    """One request on its connection, for an answer to be written to."""

    writer: asyncio.StreamWriter

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def close(self) -> None:
        """The peer reads an end."""
        self.writer.close()

    def reset(self) -> None:
        """The peer's connection is reset."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


type Answer = Callable[[Exchange], Awaitable[None]]


def says(status: int, body: object = b"", *, headers: str = VIA, length: int | None = None) -> Answer:
    """An ordinary answer; `length` lies about the body's."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    size = len(content) if length is None else length

    async def answer(exchange: Exchange) -> None:
        exchange.write(f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {size}\r\n\r\n".encode() + content)

    return answer


def then_closes(answer: Answer) -> Answer:
    async def closing(exchange: Exchange) -> None:
        await answer(exchange)
        exchange.close()

    return closing


def bytes_(data: bytes) -> Answer:
    async def answer(exchange: Exchange) -> None:
        exchange.write(data)

    return answer


def drips(data: bytes, seconds_between: float) -> Answer:
    async def answer(exchange: Exchange) -> None:
        for index in range(len(data)):
            exchange.write(data[index : index + 1])
            await asyncio.sleep(seconds_between)

    return answer


async def closes(exchange: Exchange) -> None:
    """The connection ends without an answer."""
    exchange.close()


async def resets(exchange: Exchange) -> None:
    """The connection is reset without an answer."""
    exchange.reset()


async def hangs(exchange: Exchange) -> None:
    """No answer, and the connection stays."""


async def resets_unread(exchange: Exchange) -> None:
    """The connection is reset before a byte of the request was read."""
    exchange.reset()


@contextmanager
def nobody_accepts() -> Iterator[socket.socket]:
    """A socket that listens and lets nobody in: its queue is full, so that whoever connects waits and tries again.

    Linux sends the SYN again now and then; a server that begins on the socket lets in who comes then.
    """
    with socket.socket() as listening, ExitStack() as in_the_queue:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(MORE_THAN_THE_QUEUE_HOLDS):
            waiting = in_the_queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening


@dataclass(slots=True)
class RawServer:
    """Gives the n-th request the n-th answer, on whatever connection it comes, and the last one from then on."""

    answers: list[Answer]
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def serving(cls, *answers: Answer, listening: socket.socket | None = None) -> AsyncIterator[Self]:
        server = cls(list(answers))
        where: dict[str, Any] = {"host": "127.0.0.1", "port": 0} if listening is None else {"sock": listening.dup()}
        listener = await asyncio.start_server(server._serve, backlog=MOST_IN_THE_QUEUE, **where)
        server.port = listener.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            listener.close()
            await server._close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        self.connections += 1
        try:
            while not writer.is_closing():
                await self._answer_one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self._open.pop(task)

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.answers[0] is resets_unread:
            self._next()
            return Exchange(writer).reset()
        self.received.append(await _read_request(reader))
        return await self._next()(Exchange(writer))

    def _next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def _close(self) -> None:
        tasks = list(self._open)
        for task in tasks:
            self._open[task].transport.abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("Content-Length", "0")))
    return Received(head[0], headers, body)

"""One connection of the REST port, and for how long it may keep us waiting.

Hypercorn's `TCPServer` speaks HTTP on it. Left alone it waits for ever for a reader that takes nothing, also while it
closes: the writer here gives up. And where a request waits behind one whose answer nobody reads, it does not notice
that the connection is gone: it is ended from here. It also waits for ever for the first request of a connection that
begins in HTTP/2 without TLS: the first line looks like a request, for which it stops the time.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import AppWrapper

from services.telemetry import get_logger

READ_AHEAD_BYTES: Final = 64 * 1024
READ_BYTES: Final = 16 * 1024

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """How many connections there may be, and what one may cost.

    `quiet_seconds` bounds a request whose head never ends too, `stall_seconds` how long a reader may take nothing of an
    answer, `closing_seconds` how long it may take to read the rest while the connection is being closed, and
    `rest_of_body_seconds` how long the rest of a body that nobody wants is waited for on HTTP/2.
    """

    most: int = 2000
    quiet_seconds: float = 75.0
    handshake_seconds: float = 10.0
    stall_seconds: float = 60.0
    closing_seconds: float = 5.0
    rest_of_body_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """What every connection speaks with."""

    app: AppWrapper
    config: Config
    context: WorkerContext
    bounds: ConnectionBounds


class BoundedWriter(asyncio.StreamWriter):
    """A writer whose reader has a bounded time to read."""

    def __init__(self, transport: Any, protocol: Any, reader: asyncio.StreamReader, bounds: ConnectionBounds) -> None:
        super().__init__(transport, protocol, reader, asyncio.get_running_loop())
        self._bounds = bounds
        self._give_up: asyncio.TimerHandle | None = None

    async def drain(self) -> None:
        """Raises ConnectionAbortedError when the reader took nothing for too long."""
        if not self.transport.get_write_buffer_size():  # most answers leave at once
            return await super().drain()
        try:
            async with asyncio.timeout(self._bounds.stall_seconds):
                await super().drain()
        except TimeoutError:
            log.refused("a connection was ended", code="deadline_exceeded", reason="its reader takes nothing")
            self.transport.abort()
            raise ConnectionAbortedError("the reader takes nothing") from None

    def close(self) -> None:
        """Closes once what is written was read, and soon in any case."""
        super().close()
        if self._give_up is None:
            loop = asyncio.get_running_loop()
            self._give_up = loop.call_later(self._bounds.closing_seconds, self.transport.abort)

    def release(self) -> None:
        """Ends for good, at the end of the connection."""
        if self._give_up is not None:
            self._give_up.cancel()
        self.transport.abort()


class SmallReads(asyncio.StreamReader):
    """Gives little at once: h11 measures the head of a request only while it is not complete."""

    async def read(self, n: int = -1) -> bytes:
        return await super().read(READ_BYTES if n < 0 else min(n, READ_BYTES))


class WatchedProtocol(asyncio.StreamReaderProtocol):
    """Tells when the connection is gone."""

    def __init__(self, reader: asyncio.StreamReader, on_lost: Callable[[], None]) -> None:
        super().__init__(reader, loop=asyncio.get_running_loop())
        self._on_lost = on_lost

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._on_lost()


class TimedServer(TCPServer):
    """A server for which the beginning of HTTP/2 is no request: the connection stays quiet until one comes."""

    async def protocol_send(self, event: Event) -> None:
        if not (isinstance(event, Updated) and not event.idle and self._begins_http_2()):
            await super().protocol_send(event)

    def _begins_http_2(self) -> bool:
        spoken = self.protocol.protocol
        return isinstance(spoken, H11Protocol) and getattr(spoken.connection, "their_http_version", None) == b"2.0"


class Connection:
    """A connection from the moment it was accepted."""

    def __init__(self, accepted: socket.socket, *, is_spare: bool = False) -> None:
        self.is_spare = is_spare
        """It came beyond the bound, for whoever watches."""
        self.running_count = 0
        """Requests that are being answered."""
        self._accepted = accepted
        self._writer: BoundedWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_over: asyncio.TimerHandle | None = None

    def start(self, speaker: Speaker, tls: ssl.SSLContext | None) -> asyncio.Task[None]:
        """Serves it in a task of its own, which ends with it and raises nothing."""
        self._task = asyncio.create_task(self._serve(speaker, tls), name="rest-connection")
        self._task.add_done_callback(self._close_unopened)
        return self._task

    def _close_unopened(self, _: asyncio.Task[None]) -> None:
        """Closes a socket that nobody took over: a task that is cancelled before its first step runs no `finally`."""
        if self._writer is None:
            self._accepted.close()

    def abort(self) -> None:
        """Ends it at once, whatever is on its way."""
        if self._writer is not None:
            self._writer.transport.abort()
        elif self._task is not None:
            self._task.cancel()  # it is still shaking hands

    async def _serve(self, speaker: Speaker, tls: ssl.SSLContext | None) -> None:
        CONNECTION.set(self)
        try:
            reader, self._writer = await self._open(tls, speaker.bounds)
        except (OSError, TimeoutError) as exc:  # ssl.SSLError is an OSError
            log.debug("a connection did not come about", reason=str(exc))
            return
        try:
            loop = asyncio.get_running_loop()
            await TimedServer(speaker.app, loop, speaker.config, speaker.context, {}, reader, self._writer)
        except Exception as exc:  # noqa: BLE001 -- Hypercorn breaks on some of what peers may send; it costs them this
            log.refused("a connection broke", code="invalid_argument", reason=_first(exc))
        finally:
            if self._is_over is not None:
                self._is_over.cancel()
            self._writer.release()

    async def _open(
        self, tls: ssl.SSLContext | None, bounds: ConnectionBounds
    ) -> tuple[asyncio.StreamReader, BoundedWriter]:
        """Shakes hands where there is TLS. Raises OSError, TimeoutError."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 -- `start` made it

        def end_soon() -> None:
            self._is_over = loop.call_later(bounds.closing_seconds, task.cancel)

        reader = SmallReads(READ_AHEAD_BYTES, loop)
        protocol = WatchedProtocol(reader, end_soon)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            self._accepted,
            ssl=tls,
            ssl_handshake_timeout=bounds.handshake_seconds if tls else None,
            ssl_shutdown_timeout=bounds.closing_seconds if tls else None,
        )
        return reader, BoundedWriter(transport, protocol, reader, bounds)


def _first(exc: BaseException) -> str:
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return repr(exc)[:200]


CONNECTION: Final[ContextVar[Connection]] = ContextVar("rest_connection")
"""The connection a request came on: set in every task that Hypercorn starts for it."""

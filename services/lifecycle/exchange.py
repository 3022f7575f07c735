"""What holds for every request and its answer, whatever the application does.

- A reader that takes nothing of an answer for a while loses its connection. On HTTP/1.1 that is seen at the socket
  (`connection`). On HTTP/2 the socket does not show it: the window of the stream stays shut.
- On HTTP/2 an answer ends after the body it answers. Hypercorn breaks the connection, and with it all that runs
  there, when a body goes on after the answer. So the rest of a body that nobody wants is taken and thrown away, within
  a bound.
- A request that has both a length and chunks is read by its chunks, and is the last of its connection: somebody on the
  way may have read it by its length (https://www.rfc-editor.org/rfc/rfc9112#section-6.1).
- `Upgrade: h2c` is not taken: a request that becomes a tunnel gets past whatever a proxy checks, and HTTP/2 has
  dropped it (https://www.rfc-editor.org/rfc/rfc9113#section-3.1). HTTP/2 comes by TLS, or by prior knowledge.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from hypercorn.typing import ASGIFramework

from services.lifecycle.connection import CONNECTION, Connection
from services.lifecycle.connections import Connections
from services.telemetry import get_logger

type Receive = Callable[[], Awaitable[Any]]
type Send = Callable[[Any], Awaitable[None]]

log = get_logger(__name__)


class Stalled(Exception):
    """The reader took nothing for too long; its connection is gone."""


class Exchanges:
    """An ASGI app around another one, which bounds each of its exchanges."""

    def __init__(self, app: ASGIFramework, connections: Connections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        connection = CONNECTION.get()
        names = {name for name, _ in scope["headers"]}
        if scope["http_version"] == "2" and b"upgrade" in names:
            log.refused("a connection was ended", code="invalid_argument", reason="it asked for an upgrade to h2c")
            return connection.abort()
        if self._connections.turns_away(connection, scope["path"]):
            return connection.abort()
        self._connections.request_began(connection)
        try:
            if b"content-length" in names and b"transfer-encoding" in names:
                send = _as_last(send)
            if scope["http_version"] == "2":
                exchange = _Exchange(receive, send, connection, self._connections)
                receive, send = exchange.receive, exchange.send_after_body
            with suppress(Stalled):  # alone or in a group
                await self._app(scope, receive, send)
        finally:
            self._connections.request_ended(connection)
        return None


def _as_last(send: Send) -> Send:
    async def send_as_last(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = message | {"headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return send_as_last


class _Exchange:
    """One request and its answer on HTTP/2."""

    def __init__(self, receive: Receive, send: Send, connection: Connection, connections: Connections) -> None:
        self._receive = receive
        self._send = send
        self._connection = connection
        self._bounds = connections.bounds
        self._has_body_ended = asyncio.Event()

    async def receive(self) -> Any:
        message = await self._receive()
        if not message.get("more_body", False):
            self._has_body_ended.set()
        return message

    async def send(self, message: Any) -> None:
        """Raises Stalled."""
        try:
            async with asyncio.timeout(self._bounds.stall_seconds):
                await self._send(message)
        except TimeoutError:
            log.refused("a connection was ended", code="deadline_exceeded", reason="its reader takes nothing")
            self._connection.abort()
            raise Stalled from None

    async def send_after_body(self, message: Any) -> None:
        """Sends the end of an answer once the body has ended. Raises Stalled."""
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_last and not self._has_body_ended.is_set():
            await self.send(message | {"more_body": True})
            message = message | {"body": b""}
            with suppress(TimeoutError):
                async with asyncio.timeout(self._bounds.rest_of_body_seconds):
                    await self._has_body_ended.wait()
        await self.send(message)

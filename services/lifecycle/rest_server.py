"""The REST port: bound, then serving, then drained.

The requests in flight are owned here: at the end of the grace they are cancelled, and what is left are idle
connections. The socket is bound here too: a taken port is an error that names it, and port 0 gets a number that can be
told.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from config import ServerSettings
from services.lifecycle.connection import ConnectionBounds
from services.lifecycle.connections import Connections
from services.lifecycle.exchange import Exchanges
from services.lifecycle.rest_tls import RestCertificate

BACKLOG: Final = 1024
HEAD_BYTES: Final = 32 * 1024
STREAMS_OF_A_CONNECTION: Final = 100
REQUESTS_OF_A_CONNECTION: Final = 100_000
STOP_MARGIN_SECONDS: Final = 1.0

type Receive = Callable[[], Awaitable[Any]]
type Send = Callable[[Any], Awaitable[None]]


class PortTaken(Exception):
    """The port cannot be bound; the text names it."""


class Draining:
    """An ASGI app that owns its requests in flight."""

    def __init__(self, app: ASGIFramework) -> None:
        self._app = app
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_cut_short = False

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # every coroutine of a server runs in a task
        self._tasks.add(task)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_cut_short:
                raise
        finally:
            self._tasks.discard(task)

    async def drain(self, grace_seconds: float) -> None:
        """Waits for the requests in flight, then cancels what is left."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=grace_seconds)
        self._is_cut_short = True
        for task in self._tasks:
            task.cancel()


class RestServer:
    """The REST port. The application is told of no start and no end: it opens nothing."""

    def __init__(self, app: ASGIFramework, settings: ServerSettings, bounds: ConnectionBounds | None = None) -> None:
        self._settings = settings
        self.connections = Connections(bounds or ConnectionBounds(most=settings.rest_max_connections))
        self._app = Draining(Exchanges(app, self.connections))
        self._socket: socket.socket | None = None

    def bind(self) -> int:
        """Takes the port and returns its number. Raises PortTaken."""
        host, port = self._settings.host, self._settings.rest_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            bound.bind((host, port))
            bound.listen(BACKLOG)
        except OSError as exc:
            bound.close()
            raise PortTaken(f"REST_PORT {port} on {host} cannot be bound: {exc.strerror}") from exc
        self._socket = bound
        return int(bound.getsockname()[1])

    def start(self) -> None:
        """Serves in the background. Raises BadCertificate."""
        if self._socket is None:
            raise RuntimeError("bind comes first")
        config = _hypercorn(self.connections.bounds)
        certificate = RestCertificate(self._settings.tls) if self._settings.tls else None
        bound, self._socket = self._socket, None
        tls = certificate.context if certificate else lambda: None
        self.connections.accept_on(bound, ASGIWrapper(self._app), config, tls)

    async def stop(self, grace_seconds: float) -> None:
        """Stops accepting, lets requests finish within the grace, cuts off the rest."""
        await self.connections.close_port()
        await self._app.drain(grace_seconds)
        await self.connections.end(STOP_MARGIN_SECONDS)


def _hypercorn(bounds: ConnectionBounds) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.keep_alive_timeout = bounds.quiet_seconds
    config.keep_alive_max_requests = REQUESTS_OF_A_CONNECTION
    config.h11_max_incomplete_size = HEAD_BYTES
    config.h2_max_header_list_size = HEAD_BYTES
    config.h2_max_concurrent_streams = STREAMS_OF_A_CONNECTION
    return config

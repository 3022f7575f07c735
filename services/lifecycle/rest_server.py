"""Hypercorn around the REST app, with a shutdown that ends.

On Python 3.12 and later Hypercorn waits for open connections without a bound when it stops
(https://github.com/pgjones/hypercorn/issues/308). So the requests in flight are owned here: at the end of the grace
they are cancelled, and Hypercorn, left with idle connections, returns at once. The socket is bound here too: a taken
port is an error that names it, and port 0 gets a number that can be told.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from config import ServerSettings, TlsSettings

BACKLOG: Final = 1024
# Also the bound on a request whose head never ends; a bound on each read would cut off callers that wait for an answer.
IDLE_SECONDS: Final = 75
HEAD_BYTES: Final = 32 * 1024
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
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
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
        return None

    async def drain(self, grace_seconds: float) -> None:
        """Waits for the requests in flight, then cancels what is left."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=grace_seconds)
        self._is_cut_short = True
        for task in self._tasks:
            task.cancel()


class RestServer:
    """The REST port: bound, then serving, then drained."""

    def __init__(self, app: ASGIFramework, settings: ServerSettings) -> None:
        self._app = Draining(app)
        self._settings = settings
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
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

    def start(self, grace_seconds: float) -> None:
        """Serves in the background."""
        if self._socket is None:
            raise RuntimeError("bind comes first")
        config = _hypercorn(self._settings.tls, self._socket.detach(), grace_seconds)
        self._serving = asyncio.create_task(serve(self._app, config, shutdown_trigger=self._stop.wait))

    async def stop(self, grace_seconds: float) -> None:
        """Stops accepting, lets requests finish within the grace, cuts off the rest."""
        if self._serving is None:
            return
        self._stop.set()
        await self._app.drain(grace_seconds)
        _, pending = await asyncio.wait((self._serving,), timeout=grace_seconds + STOP_MARGIN_SECONDS)
        if pending:
            self._serving.cancel()
        with suppress(asyncio.CancelledError):
            await self._serving


def _hypercorn(tls: TlsSettings | None, bound_fd: int, grace_seconds: float) -> Config:
    config = Config()
    config.bind = [f"fd://{bound_fd}"]
    config.backlog = BACKLOG
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.graceful_timeout = grace_seconds + STOP_MARGIN_SECONDS
    config.keep_alive_timeout = IDLE_SECONDS
    config.keep_alive_max_requests = 100_000
    config.h11_max_incomplete_size = HEAD_BYTES
    config.h2_max_header_list_size = HEAD_BYTES
    if tls is not None:
        config.certfile = str(tls.cert_file)
        config.keyfile = str(tls.key_file)
    return config

"""The REST port's connections: accepted here, so that there is a bound on them and an end to them.

Hypercorn's own accept loop takes connections without end, and at a stop waits for all of them without a bound
(https://github.com/pgjones/hypercorn/issues/308).

A connection is quiet while none of its requests is being answered: it is new, or half through a head, or kept open for
what comes next. When as many are open as may be, the one that has been quiet for longest makes room for the next: a
flood of idle connections ends itself, and callers still get in. When all of them are being answered, new ones are
turned away, but for who watches: a few more connections may come, on which only health and metrics are answered. An
orchestrator whose probes found no connection would restart a module for being busy.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.typing import AppWrapper

from services.lifecycle.connection import Connection, ConnectionBounds, Speaker
from services.telemetry import get_logger

ACCEPTED_AT_ONCE: Final = 64
SPARE: Final = 16
"""Connections beyond the bound, for whoever watches."""
WATCHED: Final = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
# Long enough for others to close what they hold open.
PAUSE_WITHOUT_DESCRIPTORS_SECONDS: Final = 0.5
SECONDS_BETWEEN_WARNINGS: Final = 10.0

log = get_logger(__name__)


class Connections:
    """Accepts connections, and owns them until the last one has ended."""

    def __init__(self, bounds: ConnectionBounds) -> None:
        self.bounds = bounds
        self.ended_for_others_count = 0
        self.turned_away_count = 0
        self._terminated = WorkerContext(None)
        self._speaker: Speaker | None = None
        self._tls: Callable[[], ssl.SSLContext | None] = lambda: None
        self._listening: socket.socket | None = None
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._quiet: dict[Connection, None] = {}
        """Those without a request, the longest quiet one first."""
        self._resume: asyncio.TimerHandle | None = None
        self._warned_at = -SECONDS_BETWEEN_WARNINGS

    @property
    def open_count(self) -> int:
        return len(self._open)

    @property
    def quiet_count(self) -> int:
        return len(self._quiet)

    def accept_on(
        self, listening: socket.socket, app: AppWrapper, config: Config, tls: Callable[[], ssl.SSLContext | None]
    ) -> None:
        """Accepts what comes to a listening socket, which is then owned here. `tls` is asked for each connection."""
        self._speaker, self._tls = Speaker(app, config, self._terminated, self.bounds), tls
        listening.setblocking(False)
        self._listening = listening
        self._watch()

    def turns_away(self, connection: Connection, path: str) -> bool:
        """Whether a request must not be answered, because it came beyond the bound: its connection ends then."""
        if not connection.is_spare or path in WATCHED:
            return False
        if len(self._open) <= self.bounds.most:
            connection.is_spare = False
            return False
        self.turned_away_count += 1
        return True

    def request_began(self, connection: Connection) -> None:
        connection.running_count += 1
        self._quiet.pop(connection, None)

    def request_ended(self, connection: Connection) -> None:
        connection.running_count -= 1
        if connection.running_count == 0 and connection in self._open:
            self._quiet[connection] = None

    async def close_port(self) -> None:
        """Accepts no more and closes every quiet connection; the others close with their last request."""
        if self._resume is not None:
            self._resume.cancel()
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None
        await self._terminated.terminated.set()

    async def end(self, grace_seconds: float) -> None:
        """Waits for the last connection, and aborts what is left after the grace."""
        await self._ended_within(grace_seconds)
        for connection in tuple(self._open):
            connection.abort()
        await self._ended_within(self.bounds.closing_seconds)
        for task in self._tasks():
            task.cancel()

    async def _ended_within(self, seconds: float) -> None:
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=seconds)

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {*self._open.values(), *self._ending}

    def _watch(self) -> None:
        self._resume = None
        if self._listening is not None:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        assert self._listening is not None  # noqa: S101 -- watched only while it is there
        try:
            for _ in range(ACCEPTED_AT_ONCE):
                accepted, _ = self._listening.accept()
                self._take(accepted)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as exc:
            self._pause(exc.strerror)

    def _pause(self, reason: str | None) -> None:
        """Mostly too many files are open: a connection is given up for it, and nobody spins meanwhile."""
        self._warn("connections cannot be accepted", reason)
        self._end_longest_quiet()
        loop = asyncio.get_running_loop()
        if self._listening is not None:
            loop.remove_reader(self._listening)
        self._resume = loop.call_later(PAUSE_WITHOUT_DESCRIPTORS_SECONDS, self._watch)

    def _take(self, accepted: socket.socket) -> None:
        if len(self._open) >= self.bounds.most:
            self._warn("too many connections", "REST_MAX_CONNECTIONS is reached")
            self._end_longest_quiet()
        is_spare = len(self._open) >= self.bounds.most
        if is_spare and len(self._open) >= self.bounds.most + SPARE:
            self.turned_away_count += 1
            accepted.close()
            return
        assert self._speaker is not None  # noqa: S101 -- set before anything is accepted
        accepted.setblocking(False)
        connection = Connection(accepted, is_spare=is_spare)
        task = connection.start(self._speaker, self._tls())
        self._open[connection], self._quiet[connection] = task, None
        task.add_done_callback(lambda _: self._forget(connection))

    def _end_longest_quiet(self) -> bool:
        connection = next(iter(self._quiet), None)
        if connection is None:
            return False
        self.ended_for_others_count += 1
        task = self._open[connection]
        self._forget(connection)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        connection.abort()
        return True

    def _forget(self, connection: Connection) -> None:
        self._open.pop(connection, None)
        self._quiet.pop(connection, None)

    def _warn(self, message: str, reason: str | None) -> None:
        now = time.monotonic()
        if now - self._warned_at < SECONDS_BETWEEN_WARNINGS:
            return
        self._warned_at = now
        log.warning(
            message,
            reason=reason,
            open=len(self._open),
            ended_for_others=self.ended_for_others_count,
            turned_away=self.turned_away_count,
        )

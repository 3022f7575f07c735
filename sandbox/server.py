"""The sandbox as one object: served while its context is open, inspected and steered from outside."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import web

from sandbox.clock import Clock, SystemClock
from sandbox.faults import Faults
from sandbox.front import API_PREFIX, Front
from sandbox.limits.addresses import Addresses
from sandbox.limits.limiter import Limiter
from sandbox.options import Options
from sandbox.pipeline import Pipeline
from sandbox.recorder import RecordedRequest, Recorder
from sandbox.routes import Router
from sandbox.seeds import seeded_world
from sandbox.state import World

SHUTDOWN_SECONDS = 0.5


class Sandbox:
    """A stand-in for Discord's REST API.

    `world` is its state, `requests` what it received, `faults` the switchboard, `limiter` and `addresses` the
    limits, `clock` its time; `closing` is set when it stops. `base_url` is what a client takes for https://discord.com/api/v10.
    """

    def __init__(self, options: Options | None = None, clock: Clock | None = None) -> None:
        self.options = (options or Options()).copied()
        self._initial = self.options.copied()
        self.clock: Clock = clock or SystemClock()
        self.router = Router()
        self.faults = Faults()
        self.requests = Recorder(self.options.recorded_requests)
        self.limiter = Limiter(self.options, self.clock)
        self.addresses = Addresses(self.options, self.clock)
        self.world: World = seeded_world(self.clock, self.options)
        self.pipeline = Pipeline(self.world, self.limiter, self.addresses)
        self.closing = asyncio.Event()
        self.origin = ""

    @classmethod
    @asynccontextmanager
    async def serving(cls, options: Options | None = None, clock: Clock | None = None) -> AsyncIterator[Self]:
        """A running sandbox; port 0 takes a free one. Raises OSError when the port is taken."""
        sandbox = cls(options, clock)
        runner = web.AppRunner(
            _application(sandbox), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False
        )
        await runner.setup()
        try:
            async with _listening(runner, sandbox.options) as sandbox.origin:
                yield sandbox
        finally:
            sandbox.closing.set()
            sandbox.faults.clear()
            await runner.cleanup()

    @property
    def base_url(self) -> str:
        return self.origin + API_PREFIX

    def reset(self) -> None:
        """Back to the seeds: state, options, limits, faults and records."""
        self.options.restore(self._initial)
        self.faults.clear()
        self.requests = Recorder(self.options.recorded_requests)
        self.limiter.reset()
        self.addresses.reset()
        self.world = self.pipeline.world = seeded_world(self.clock, self.options)

    def received(self, method: str | None = None, template: str | None = None) -> list[RecordedRequest]:
        """The kept records, oldest first, of one route or of all."""
        return [
            record
            for record in self.requests
            if method in (None, record.method) and template in (None, record.template)
        ]

    def problems(self) -> list[tuple[RecordedRequest, str]]:
        """Everything a careful client would not have sent."""
        return [(record, problem) for record in self.requests for problem in record.problems]

    def stats(self) -> dict[str, Any]:
        """Counts since the last reset."""
        return {
            "requests": self.requests.total,
            "rate_limited": {scope.value: count for scope, count in self.limiter.refused.items()},
            "rate_limited_by_cloudflare": self.addresses.refused,
            "busiest_second": self.limiter.arrivals.busiest,
            "invalid_requests": self.addresses.invalid_requests(),
            "remembered_nonces": len(self.world.nonces),
        }


@asynccontextmanager
async def _listening(runner: web.AppRunner, options: Options) -> AsyncIterator[str]:
    """The origin served.

    asyncio loses a connection that is accepted in the very step its server closes, and clients do knock at that
    moment: they try again when a held request is let go. So accepting ends a step before closing.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_factory(runner), options.host, options.port)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        for listener in server.sockets:
            with contextlib.suppress(RuntimeError, NotImplementedError):
                loop.remove_reader(listener.fileno())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        server.close()


def _factory(runner: web.AppRunner) -> web.Server:
    if runner.server is None:
        raise RuntimeError("the runner is not set up")
    return runner.server


def _application(sandbox: Sandbox) -> web.Application:
    from sandbox.control import control_routes  # noqa: PLC0415 - control needs Sandbox for its types
    from sandbox.page import page_routes  # noqa: PLC0415 - so does the page

    application = web.Application(client_max_size=sandbox.options.max_body_bytes)
    application.add_routes(control_routes(sandbox))
    application.add_routes(page_routes(sandbox))
    application.router.add_route("*", "/{path:.*}", Front(sandbox).serve)
    return application

"""A collector of traces: takes OTLP over HTTP and keeps what it is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PATIENCE_SECONDS = 20.0


@dataclass
class Collector:
    """Everything that was exported. `status` is what it answers; with `hangs` it never does."""

    url: str = ""
    status: int = 200
    hangs: bool = False
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        sent = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in sent
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def of_trace(self, trace_id: str, names: set[str]) -> list[Span]:
        """The spans of a trace, once all these names are among them."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = [span for span in self.spans if span.trace_id.hex() == trace_id]
                if names <= {span.name for span in found}:
                    return found
                await asyncio.sleep(0.05)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.hangs:
            await asyncio.sleep(PATIENCE_SECONDS)
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        return web.Response(
            status=self.status,
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    kept = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", kept.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    kept.url = f"http://127.0.0.1:{port}"
    try:
        yield kept
    finally:
        await runner.cleanup()

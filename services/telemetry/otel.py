"""The tracer that there is: spans by OpenTelemetry, sent to a collector as OTLP over HTTP.

Imported only where OTEL_* asks for traces: it costs some 26 MB and a tenth of a second. Sampling and resource
attributes are OpenTelemetry's own variables (OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES), which the library reads by
itself.

A collector that is slow or away must never be felt: spans wait in a bounded queue, what does not fit is dropped, a
thread of its own sends them, and a stop waits for it no longer than CLOSE_SECONDS. Every text passes the redactor. The
messages of exceptions are not recorded: they may quote anything.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from config import ModuleSettings, TraceSettings
from services.redaction import Redactor
from services.telemetry.scope import RequestScope
from services.telemetry.tracing import Span, Value

QUEUE_SPANS: Final = 4096
BATCH_SPANS: Final = 512
EVERY_SECONDS: Final = 1.0
SEND_SECONDS: Final = 3.0
CLOSE_SECONDS: Final = 2.0
TRACES_PATH: Final = "/v1/traces"

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OtelSpan:
    """One stage."""

    __slots__ = ("_redactor", "_span")

    def __init__(self, span: trace.Span, redactor: Redactor) -> None:
        self._span = span
        self._redactor = redactor

    def note(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, self._redactor.redact(value) if isinstance(value, str) else value)

    def fail(self, code: str) -> None:
        self._span.set_status(trace.StatusCode.ERROR)
        self.note("code", code)

    def rename(self, name: str) -> None:
        self._span.update_name(name)


class OtelTracer:
    """Fulfils `services.telemetry.Tracer`. Its owner calls `close`."""

    def __init__(self, settings: TraceSettings, module: ModuleSettings, redactor: Redactor) -> None:
        self._redactor = redactor
        resource = Resource.create(
            {"service.name": settings.service_name or module.name, "service.version": module.version}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._processor = BatchSpanProcessor(
            _exporter(settings),
            max_queue_size=QUEUE_SPANS,
            max_export_batch_size=BATCH_SPANS,
            schedule_delay_millis=EVERY_SECONDS * 1000,
        )
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("discord-action-module", module.version)
        # It warns for every span that it drops; what it cannot send it says as an error, once a batch.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)

    @contextmanager
    def stage(self, name: str, values: Mapping[str, Value], *, is_call: bool) -> Iterator[Span]:
        kind = trace.SpanKind.CLIENT if is_call else trace.SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name, kind=kind, record_exception=False, set_status_on_exception=False
        ) as started:
            spanned = OtelSpan(started, self._redactor)
            for key, value in values.items():
                spanned.note(key, value)
            yield spanned

    @contextmanager
    def request(self, name: str, scope: RequestScope) -> Iterator[Span]:
        sent = {"traceparent": scope.traceparent} if scope.traceparent else {}
        with self._tracer.start_as_current_span(
            name,
            context=_PROPAGATOR.extract(sent),
            kind=trace.SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        ) as started:
            own: dict[str, str] = {}
            _PROPAGATOR.inject(own)
            scope.traceparent = own.get("traceparent", scope.traceparent)
            spanned = OtelSpan(started, self._redactor)
            spanned.note("request_id", scope.request_id)
            spanned.note("protocol", scope.protocol)
            yield spanned

    async def close(self, at_most_seconds: float = CLOSE_SECONDS) -> None:
        """Sends what waits, within the bound; what a collector does not take by then is lost."""
        loop, has_ended = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(has_ended.set)

        # Not on the loop's executor: a send that hangs would keep the process.
        threading.Thread(target=shut_down, name="traces-close", daemon=True).start()
        try:
            async with asyncio.timeout(min(CLOSE_SECONDS, at_most_seconds)):
                await has_ended.wait()
        except TimeoutError:
            return


def _exporter(settings: TraceSettings) -> OTLPSpanExporter:
    headers = settings.headers.get_secret_value() if settings.headers is not None else ""
    return OTLPSpanExporter(
        endpoint=None if settings.endpoint is None else settings.endpoint.rstrip("/") + TRACES_PATH,
        headers=dict(parse_env_headers(headers, liberal=True)) if headers else None,
        timeout=SEND_SECONDS,
    )

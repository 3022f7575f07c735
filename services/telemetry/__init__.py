"""What the running module tells: the log, the request a line belongs to, the metrics, the traces."""

from services.telemetry.events import Event
from services.telemetry.logs import EventLog, Logging, configure_logging, get_logger
from services.telemetry.metrics import CONTENT_TYPE, Metrics
from services.telemetry.scope import (
    RequestScope,
    current_scope,
    name_caller,
    new_request_id,
    request_scope,
    sanitised_request_id,
    valid_traceparent,
)
from services.telemetry.tracing import NO_SPAN, Span, Tracer, request_span, span, tracing

__all__ = [
    "CONTENT_TYPE",
    "NO_SPAN",
    "Event",
    "EventLog",
    "Logging",
    "Metrics",
    "RequestScope",
    "Span",
    "Tracer",
    "configure_logging",
    "current_scope",
    "get_logger",
    "name_caller",
    "new_request_id",
    "request_scope",
    "request_span",
    "sanitised_request_id",
    "span",
    "tracing",
    "valid_traceparent",
]

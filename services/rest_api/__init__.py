"""The REST face: Quart routes derived from the catalogue, the audit log, tokens, health, and the OpenAPI document.

`create_app` builds an ASGI application from its dependencies; whoever serves it owns the socket, the drain and TLS.
"""

from services.rest_api.app import create_app
from services.rest_api.dependencies import (
    CheckResult,
    HealthChecks,
    HealthStatus,
    HealthSummary,
    LimitsReport,
    NoLimits,
    Readiness,
    RequestMetrics,
    RestDependencies,
    SilentMetrics,
)

__all__ = [
    "CheckResult",
    "HealthChecks",
    "HealthStatus",
    "HealthSummary",
    "LimitsReport",
    "NoLimits",
    "Readiness",
    "RequestMetrics",
    "RestDependencies",
    "SilentMetrics",
    "create_app",
]

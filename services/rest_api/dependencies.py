"""What the REST face is given, and the few things it asks for that no other part of the product needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal, Protocol

from config import DeadlineSettings
from services.discord_service import DiscordService
from services.ports import AuditQuery, Authenticator, TokenIssuer


class HealthStatus(StrEnum):
    """How the module is as a whole. A degraded one still serves."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at. `detail` is for the operator and holds no secret."""

    is_ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this instance should be given requests, and why not."""

    is_ready: bool
    checks: Mapping[str, CheckResult]


@dataclass(frozen=True, slots=True)
class HealthSummary:
    """The answer of /health."""

    status: HealthStatus
    checks: Mapping[str, CheckResult]


class HealthChecks(Protocol):
    """How the module is. What waits for anything has a bound of its own."""

    def live(self) -> bool:
        """Whether the process works at all; false asks for a restart. Touches neither disk nor network."""
        ...

    async def ready(self) -> Readiness: ...

    async def summary(self) -> HealthSummary: ...


class RequestMetrics(Protocol):
    """What is counted here, and the page Prometheus reads."""

    def rejected_request(self, protocol: Literal["grpc", "rest"], code: str, /) -> None:
        """Counts a request that never became an action."""
        ...

    async def page(self) -> bytes:
        """Every series in Prometheus's text form."""
        ...


class SilentMetrics:
    """Counts nothing."""

    def rejected_request(self, protocol: Literal["grpc", "rest"], code: str, /) -> None:
        return

    async def page(self) -> bytes:
        return b""


class LimitsReport(Protocol):
    """Discord's limits as they are kept now."""

    def describe(self) -> Mapping[str, Any]:
        """JSON-able, bounded, and without a secret."""
        ...


class NoLimits:
    """Keeps none."""

    def describe(self) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True, slots=True)
class RestDependencies:
    """Everything the REST face talks to."""

    service: DiscordService
    authenticator: Authenticator
    tokens: TokenIssuer
    audit: AuditQuery
    health: HealthChecks
    deadlines: DeadlineSettings
    module_name: str
    module_version: str
    metrics: RequestMetrics = field(default_factory=SilentMetrics)
    limits: LimitsReport = field(default_factory=NoLimits)
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()

"""What adapters notice, brought to the log, to Prometheus and to the traces."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from services.errors import Unauthenticated
from services.ports import (
    AuditEntry,
    AuditLog,
    Authenticator,
    Caller,
    CertificateAuthenticator,
    IssuedToken,
    Priority,
    TokenIssuer,
    Verdict,
)
from services.telemetry import Metrics, Span, get_logger, span

log = get_logger(__name__)


class LimitsObserver:
    """Fulfils `services.discord.rate_limit.Observer`. 429s are counted where replies are read.

    `is_to_share`: there is a Redis to share the limits through.
    """

    def __init__(self, metrics: Metrics, *, is_to_share: bool) -> None:
        self._metrics = metrics
        self._replicas = 1
        self._is_shared = False
        if is_to_share:
            metrics.watch("limit_replicas", lambda: self._replicas)
            metrics.watch("limits_shared", lambda: self._is_shared)

    def waited(self, seconds: float, priority: Priority) -> None:
        self._metrics.limit_waited(seconds, priority.name.lower())
        log.debug("waited for a limit", seconds=round(seconds, 3), priority=priority.name.lower())

    def refused(self, reason: str) -> None:
        self._metrics.limit_refused(reason)
        log.debug("refused by a limit", reason=reason)

    def rate_limited(self, scope: str) -> None:
        log.warning("discord answered 429", scope=scope)

    def paused(self, scope: str, seconds: float) -> None:
        self._metrics.limit_paused(scope)
        log.warning("requests to discord are paused", scope=scope, seconds=round(seconds, 3))

    def invalid_requests(self, used: int, limit: int, percent: int) -> None:
        log.warning("discord counts invalid requests", used=used, limit=limit, percent=percent)

    def replicas(self, count: int, *, is_shared: bool) -> None:
        self._replicas, self._is_shared = count, is_shared

    def lease_ended(self) -> None:
        log.error("a permit was neither completed nor dropped in time")


class ObservedAuthenticator:
    """An `Authenticator` whose refusals are counted."""

    def __init__(self, authenticator: Authenticator, metrics: Metrics) -> None:
        self._authenticator = authenticator
        self._metrics = metrics

    async def authenticate(self, token: str | None) -> Caller:
        with span("authenticate") as spanned:
            try:
                return await self._authenticator.authenticate(token)
            except Unauthenticated as exc:
                spanned.fail(exc.reason)
                self._metrics.auth_failed(exc.reason)
                raise


class ObservedCertificates:
    """A `CertificateAuthenticator` whose refusals are counted."""

    def __init__(self, certificates: CertificateAuthenticator, metrics: Metrics) -> None:
        self._certificates = certificates
        self._metrics = metrics

    def caller_of(self, names: Sequence[str]) -> Caller:
        try:
            return self._certificates.caller_of(names)
        except Unauthenticated as exc:
            self._metrics.auth_failed(exc.reason)
            raise


class ObservedTokens:
    """A `TokenIssuer` whose refusals are counted."""

    def __init__(self, tokens: TokenIssuer, metrics: Metrics) -> None:
        self._tokens = tokens
        self._metrics = metrics

    async def issue_token(self, client_id: str, client_secret: str, address: str) -> IssuedToken:
        try:
            return await self._tokens.issue_token(client_id, client_secret, address)
        except Unauthenticated as exc:
            self._metrics.auth_failed(exc.reason)
            raise


class TracedRecord:
    """An `AuditLog` whose writes are spans; only where traces are collected."""

    def __init__(self, record: AuditLog) -> None:
        self._record = record

    async def begin(self, entry: AuditEntry) -> None:
        with _writing("intent"):
            await self._record.begin(entry)

    async def attempt(self, entry: AuditEntry) -> None:
        with _writing("attempt"):
            await self._record.attempt(entry)

    async def end(self, entry: AuditEntry, verdict: Verdict) -> None:
        with _writing("outcome"):
            await self._record.end(entry, verdict)


def _writing(what: str) -> AbstractContextManager[Span]:
    return span("record", what=what)

"""Who asks, what their token allows, and what a request brings beside its action."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol


class Scope(StrEnum):
    """What a token may be good for."""

    MESSAGES = "messages"
    REACTIONS = "reactions"
    ROLES = "roles"
    WEBHOOKS_SEND = "webhooks:send"
    WEBHOOKS_CREATE = "webhooks:create"
    MODERATION = "moderation"
    MENTIONS_EVERYONE = "mentions:everyone"
    AUDIT_READ = "audit:read"
    LIMITS_READ = "limits:read"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what their token allows. None means no restriction; an empty set allows nothing."""

    client_id: str
    scopes: frozenset[str] | None = None
    guilds: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    quota_per_minute: int | None = None
    """Actions in a minute; None has no limit."""

    def holds(self, scope: Scope) -> bool:
        """Whether the token is good for `scope`."""
        return self.scopes is None or scope.value in self.scopes


@dataclass(frozen=True, slots=True)
class Request:
    """What a request brings beside its action. `deadline` is on the clock of `Clock.monotonic`."""

    protocol: Literal["grpc", "rest"]
    request_id: str
    deadline: float
    idempotency_key: str | None = None
    is_bulk: bool = False


class Authenticator(Protocol):
    """Who asks."""

    async def authenticate(self, token: str | None) -> Caller:
        """The caller of a bearer token (without the word Bearer). Raises Unauthenticated."""
        ...


class CertificateAuthenticator(Protocol):
    """Who asks without a token, by a client certificate."""

    def caller_of(self, names: Sequence[str]) -> Caller:
        """The caller a certificate with these names stands for. Raises Unauthenticated."""
        ...


class Quotas(Protocol):
    """How much callers may have done."""

    async def take(self, caller: Caller) -> None:
        """Counts an action of the caller's. Raises RateLimited when its quota is used up."""
        ...


class NoQuotas:
    """Counts nothing."""

    async def take(self, caller: Caller) -> None:
        return


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A bearer token and the seconds it is good for."""

    token: str = field(repr=False)
    expires_in: int


class TokenIssuer(Protocol):
    """Tokens for registered clients."""

    async def issue_token(self, client_id: str, client_secret: str, address: str) -> IssuedToken:
        """A token for whoever asks from `address`.

        Raises Unauthenticated, with the same words for an unknown client and a wrong secret, and RateLimited.
        """
        ...

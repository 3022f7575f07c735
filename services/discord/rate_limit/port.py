"""What the client asks of a rate limiter, whoever keeps the state: this process alone, or Redis for all replicas."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from services.ports import Call, Priority


class Lane(NamedTuple):
    """What Discord counts together: a method, a route, a variant and a major parameter.

    The hash Discord sends is a hint, not an identity: routes with the same hash can have counters of their own.
    `is_webhook` requests carry no bot token and are exempt from its limit.
    """

    method: str
    route: str
    variant: str
    major: str
    is_webhook: bool

    @classmethod
    def of(cls, call: Call) -> "Lane":
        return cls(call.method, call.route, call.variant, call.major, call.is_webhook)


class Observation(NamedTuple):
    """What a reply says about limits; None is what it does not say. Seconds throughout.

    `scope` is set on what limits us: `user`, `global`, `shared` or `cloudflare` on a 429, `cloudflare` on its
    HTML 403; `retry_after_seconds` only together with it: the larger of header and body. `is_discords` is false
    for an answer with neither `Via` nor `X-RateLimit-*`: Cloudflare spoke, not Discord.
    """

    status: int
    limit: int | None = None
    remaining: int | None = None
    reset_epoch_seconds: float | None = None
    reset_after_seconds: float | None = None
    bucket: str | None = None
    retry_after_seconds: float | None = None
    scope: str | None = None
    is_discords: bool = True


class Permit(Protocol):
    """Leave to send one request. It is a lease, and ends with `complete` or `drop`, at once or late."""

    def depart(self) -> None:
        """The bytes are about to leave, on a connection that is there: time runs from here."""
        ...

    def complete(self, seen: Observation | None) -> None:
        """The bytes left. `seen` is what the reply said, None when no reply came."""
        ...

    def drop(self) -> None:
        """Nothing was sent: the room goes to the next in line."""
        ...


class RateLimiter(Protocol):
    """Keeps every request within Discord's limits, ahead of time."""

    async def acquire(self, lane: Lane, *, priority: Priority, deadline: float, client_id: str) -> Permit:
        """Waits for room until `deadline` (monotonic seconds).

        Raises RateLimited at once, with the true retry_after_seconds, when the room cannot come in time (while
        Cloudflare blocks the address DiscordUnavailable), and Overloaded
        when the queue of the lane or of the caller is full. A cancelled wait leaves no trace.
        """
        ...

    def check(self, lane: Lane, *, priority: Priority, deadline: float) -> None:
        """For who waits for something else first: raises at once what `acquire` would, where it would be too late."""
        ...

    def describe(self) -> Mapping[str, object]:
        """The state an operator may see: lanes, waiters, pauses."""
        ...

"""What the limiter tells whoever counts and logs."""

from typing import Protocol

from services.ports import Priority


class Observer(Protocol):
    """Called on the event loop; must return at once and never raise."""

    def waited(self, seconds: float, priority: Priority) -> None:
        """A request was let go after it had to wait."""
        ...

    def refused(self, reason: str) -> None:
        """A request was refused: `rate_limited` or `overloaded`."""
        ...

    def rate_limited(self, scope: str) -> None:
        """A 429 (or Cloudflare's 403) arrived: `user`, `hidden`, `shared`, `global` or `cloudflare`."""
        ...

    def paused(self, scope: str, seconds: float) -> None:
        """Everything of the token, the webhooks or the address stands still: `token`, `webhooks` or `egress`."""
        ...

    def invalid_requests(self, used: int, limit: int, percent: int) -> None:
        """The budget of invalid requests reached an alert at `percent`."""
        ...

    def replicas(self, count: int, *, is_shared: bool) -> None:
        """How many replicas share the limits; not `is_shared`: they were so many when they were last seen."""
        ...

    def lease_ended(self) -> None:
        """A permit was neither completed nor dropped in time: a fault of ours."""
        ...


class SilentObserver:
    """Tells nobody."""

    def waited(self, seconds: float, priority: Priority) -> None: ...

    def refused(self, reason: str) -> None: ...

    def rate_limited(self, scope: str) -> None: ...

    def paused(self, scope: str, seconds: float) -> None: ...

    def invalid_requests(self, used: int, limit: int, percent: int) -> None: ...

    def replicas(self, count: int, *, is_shared: bool) -> None: ...

    def lease_ended(self) -> None: ...

"""The limiter whose state all replicas share through Redis.

It is the limiter of one process with a registrar over it (`ledger`): everything that is decided here is decided on
the best local knowledge, and Redis has the last word. `connection` keeps the exchange going and says when there is
none; then the same limiter works on alone, with its share (`share`).
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from services.discord.quarantine import Quarantine
from services.discord.rate_limit.bounds import Bounds, Limits
from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.gate import Gate, Places
from services.discord.rate_limit.global_limit import MARGIN_SECONDS, SECOND
from services.discord.rate_limit.invalid import INVALID_STATUSES, SLICES
from services.discord.rate_limit.limiter import InProcessRateLimiter
from services.discord.rate_limit.observer import Observer
from services.discord.rate_limit.permit import BucketPermit
from services.discord.rate_limit.port import Observation
from services.discord.rate_limit.queue import Waiter
from services.discord.rate_limit.shared.connection import Connection
from services.discord.rate_limit.shared.ledger import Ledger
from services.ports import Clock
from services.redis_link import RedisLink

NEW_PAUSE_SECONDS: Final = 0.1
"""What makes a pause longer by less is the same pause, told once more."""


class RedisRateLimiter(InProcessRateLimiter):
    """Fulfils `RateLimiter` for the length of an `async with`; `egress` names the address requests leave from."""

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        link: RedisLink,
        *,
        egress: str = "default",
        bounds: Bounds | None = None,
        observer: Observer | None = None,
        quarantine: Quarantine | None = None,
    ) -> None:
        super().__init__(limits, clock, bounds=bounds, observer=observer)
        self._egress = egress
        self._connection = Connection(self, link, clock, egress, quarantine)
        self._ledger = Ledger(self, self._token_gate, self._connection.replica, clock)

    async def __aenter__(self) -> Self:
        await self._connection.open(self._ledger)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.close()
        self.close()

    def describe(self) -> Mapping[str, object]:
        return {**super().describe(), **self._connection.describe()}

    # ── what happens here, told to the others ────────────────────────────────────────────────────────────────────────

    def completed(self, permit: BucketPermit, seen: Observation | None) -> None:
        super().completed(permit, seen)
        if self._connection.is_shared:
            self._ledger.landed(permit, seen)
        else:
            self._ledger.ended_alone(permit)

    def dropped(self, permit: BucketPermit) -> None:
        super().dropped(permit)
        if self._connection.is_shared:
            self._ledger.dropped(permit)
        else:
            self._ledger.ended_alone(permit)

    def _obey(self, bucket: Bucket, seen: Observation, now: float) -> None:
        super()._obey(bucket, seen, now)
        if seen.status in INVALID_STATUSES and seen.scope != "shared":
            self._connection.count_invalid()

    def _stop_globally(self, gate: Gate, seen: Observation, now: float) -> None:
        super()._stop_globally(gate, seen, now)
        until = self._pauses.webhooks_until if gate.is_for_webhooks else self._pauses.token_until
        self._connection.pause("webhooks" if gate.is_for_webhooks else "token", until)

    def _stop_egress(self, seen: Observation, now: float) -> None:
        super()._stop_egress(seen, now)
        self._connection.pause("egress", self._pauses.egress_until, self._pauses.strikes)

    @property
    def crowded(self) -> Mapping[Bucket, int]:
        return self._room.crowded

    @property
    def global_per_second(self) -> int:
        """The limit of the token, as it is now."""
        limit = self._token_gate.limit
        return 0 if limit is None else limit.limit

    # ── what the registrar and the connection say ────────────────────────────────────────────────────────────────────

    def granted(self, waiter: Waiter, permit: BucketPermit) -> None:
        self._dispatcher.grant(waiter, permit, self._clock.monotonic())

    def denied(self, waiter: Waiter, permit: BucketPermit) -> None:
        self._dispatcher.deny(waiter, permit)

    def move_on(self, touched: list[Bucket]) -> None:
        now = self._clock.monotonic()
        for bucket in touched:
            self._dispatcher.evaluate(bucket, now)
            self._dispatcher.evaluate_channel(bucket, now)
        self._pump(now)

    def share_with(self, ledger: Ledger) -> list[float]:
        """From now on Redis has the last word. Gives the times at which places taken alone come back."""
        now = self._clock.monotonic()
        self._share.weight, self._share.rank = 1, 0
        self._dispatcher.registrar = ledger
        self._token_gate.places = Places()
        self.move_on(list(self._room.crowded))
        limit = self._token_gate.limit
        return [] if limit is None else limit.cooling(now)

    def go_alone(self, replicas: int, rank: int) -> None:
        """From now on nobody else is asked. What the others did in the last second is not known."""
        now = self._clock.monotonic()
        self._share.weight, self._share.rank = max(1, replicas), rank
        self._dispatcher.registrar = None
        self._token_gate.places = None
        if self._token_gate.limit is not None:
            self._token_gate.limit.not_before = now + SECOND + MARGIN_SECONDS
        for bucket in self._buckets:
            self._forget_others(bucket, now)
        for bucket in self._room.crowded:
            bucket.take_turns(now)
        self.move_on(list(self._room.crowded))

    def hear_pause(self, scope: str, seconds: float, strikes: int) -> None:
        """Another replica met a limit that stops all of us: `token`, `webhooks` or `egress`."""
        now = self._clock.monotonic()
        until, pauses = now + seconds, self._pauses
        if until <= getattr(pauses, f"{scope}_until") + NEW_PAUSE_SECONDS:
            return
        self._observer.paused(scope, seconds)
        setattr(pauses, f"{scope}_until", until)
        if scope == "egress":
            pauses.strikes, pauses.is_on_trial = max(pauses.strikes, strikes), True
        elif scope == "token" and self._token_gate.limit is not None:
            self._token_gate.limit.yield_room(now)
        hopeless = self._room.deadlines.before(until)
        wanted = [w for w in hopeless if scope == "egress" or w.bucket.gate.is_for_webhooks == (scope == "webhooks")]
        self._refuse(wanted, until, now)

    def hear_invalid(self, slice_now: int, slices: Mapping[str, Any]) -> None:
        """What all replicas behind our address counted."""
        now = self._clock.monotonic()
        counts = {slice_now - int(name): int(count) for name, count in slices.items()}
        if self._budget.adopt({age: count for age, count in counts.items() if 0 <= age < SLICES}, now):
            self._alert(now)

    def see_replicas(self, count: int, *, is_shared: bool) -> None:
        self._observer.replicas(count, is_shared=is_shared)

    def _forget_others(self, bucket: Bucket, now: float) -> None:
        """Requests of others that were in flight count as sent."""
        remote = bucket.remote
        if remote is None or not remote.elsewhere:
            return
        bucket.in_flight -= len(remote.elsewhere)
        for _ in remote.elsewhere:
            bucket.lose(now)
        remote.elsewhere = frozenset()

"""The limiter of one process: joins buckets, gates, pauses and the budget of invalid requests.

A request that finds room goes at once: no future, no timer. Otherwise it waits in line, unless it can be told
now that it would wait in vain. Everything runs on one event loop and nothing in here awaits but `acquire`
itself, so no state changes between a look and the deed that follows from it.
"""

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from services.discord.rate_limit.bounds import Bounds, Limits
from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.description import describe
from services.discord.rate_limit.dispatch import Dispatcher
from services.discord.rate_limit.gate import Gate
from services.discord.rate_limit.global_limit import GlobalLimit
from services.discord.rate_limit.invalid import Alert, InvalidBudget
from services.discord.rate_limit.observer import Observer, SilentObserver
from services.discord.rate_limit.pauses import Pauses
from services.discord.rate_limit.permit import BucketPermit, Leases
from services.discord.rate_limit.port import Lane, Observation
from services.discord.rate_limit.queue import Waiter
from services.discord.rate_limit.registry import Buckets
from services.discord.rate_limit.share import Share
from services.discord.rate_limit.timers import LoopTimers, Timers
from services.discord.rate_limit.waiting import WaitingRoom
from services.errors import DiscordUnavailable, RateLimited, ShuttingDown
from services.ports import Clock, Priority

UNKNOWN_WAIT_SECONDS: Final = 1.0
REFUSED: Final = "No room inside the deadline."
BLOCKED: Final = "Cloudflare blocks this address; nothing is sent to Discord."
TOO_MANY_INVALID: Final = "Discord refused too many requests of this address lately."


class InProcessRateLimiter:
    """Fulfils `RateLimiter` with the state of this process alone. Close it when the loop ends."""

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        *,
        bounds: Bounds | None = None,
        observer: Observer | None = None,
        timers: Timers | None = None,
    ) -> None:
        bounds = bounds or Bounds()
        timers = timers or LoopTimers(clock)
        self._clock = clock
        self._longest_wait = bounds.longest_wait_seconds
        self._observer: Observer = observer or SilentObserver()
        self._order = count()
        self._pauses = Pauses()
        self._budget = InvalidBudget(bounds.invalid_requests)
        self._share = share = Share()
        limit = GlobalLimit(limits.global_per_second, share)
        self._token_gate = Gate(limit, self._pauses, share, is_for_webhooks=False)
        self._webhook_gate = Gate(None, self._pauses, share, is_for_webhooks=True)
        gates = (self._token_gate, self._webhook_gate)
        self._buckets = Buckets(*gates, limits.per_channel_per_second, bounds.idle_seconds)
        self._leases = Leases(bounds.lease_seconds, timers, clock.monotonic)
        self._room = WaitingRoom(
            timers,
            self._observer,
            per_bucket=bounds.waiting_per_bucket,
            per_caller=bounds.waiting_per_caller,
            on_deadlines=self._refuse_the_due,
        )
        self._dispatcher = Dispatcher(self._room, self._leases, self._observer, timers=timers, now=clock.monotonic)

    async def acquire(self, lane: Lane, *, priority: Priority, deadline: float, client_id: str) -> BucketPermit:
        now = self._clock.monotonic()
        self._leases.expire(now)
        self._check_budget(priority, now)
        bucket = self._buckets.of(lane, now)
        self._buckets.forget_idle(now)
        if self._dispatcher.is_open(bucket, now):
            return self._dispatcher.issue(self, bucket, now)
        deadline = min(deadline, now + self._longest_wait)
        return await self._wait(self._join(bucket, priority, deadline, client_id))

    def check(self, lane: Lane, *, priority: Priority, deadline: float) -> None:
        now = self._clock.monotonic()
        self._check_budget(priority, now)
        self._check_time(self._opens_at(self._buckets.of(lane, now), priority, now), deadline, now)

    def describe(self) -> Mapping[str, object]:
        """What `GET /api/v1/limits` shows; JSON-able and bounded."""
        now = self._clock.monotonic()
        return describe(now, self._buckets, self._room, gate=self._token_gate, pauses=self._pauses, budget=self._budget)

    def figures(self) -> Mapping[str, Callable[[], float]]:
        """Counts for whoever watches; none takes longer when there are more buckets."""
        limit, now = self._token_gate.limit, self._clock.monotonic
        return {
            "limit_waiting": lambda: len(self._room),
            "limit_lanes": lambda: len(self._buckets),
            "limit_lanes_waited_for": lambda: len(self._room.crowded),
            "limit_global_used": lambda: 0 if limit is None else self._token_gate.used(now()),
            "limit_global_per_second": lambda: 0 if limit is None else limit.share.of(limit.limit),
            "invalid_requests_used": self._invalid_requests,
            "invalid_requests_limit": lambda: self._budget.limit,
        }

    def pauses(self) -> Mapping[str, Callable[[], float]]:
        """How many seconds the `token`, the `webhooks` and the `egress` still stand still."""
        pauses, now = self._pauses, self._clock.monotonic
        return {
            "token": lambda: max(0.0, pauses.token_until - now()),
            "webhooks": lambda: max(0.0, pauses.webhooks_until - now()),
            "egress": lambda: max(0.0, pauses.egress_until - now()),
        }

    def _invalid_requests(self) -> int:
        self._budget.turn(self._clock.monotonic())
        return self._budget.used

    def close(self) -> None:
        """Stops every timer. Who still waits is told ShuttingDown."""
        for waiter in list(self._room.deadlines):
            self._room.refuse(waiter, ShuttingDown())
        self._leases.close()
        self._room.close()
        self._dispatcher.close()
        for bucket in self._buckets:
            if bucket.alarm is not None:
                bucket.alarm.stop()

    def departed(self, permit: BucketPermit) -> float:
        return self._clock.monotonic()

    def completed(self, permit: BucketPermit, seen: Observation | None) -> None:
        """A request was answered, or given up as lost: its room comes back as Discord gives it back."""
        now = self._clock.monotonic()
        bucket = permit.bucket
        if not permit.is_reported:
            self._observer.lease_ended()
        bucket.last_used_at = now
        bucket.in_flight -= 1
        bucket.learn(permit, seen, now)
        if bucket.channel is not None:
            bucket.channel.land(now)
        bucket.gate.land(permit, now)
        if seen is not None:
            self._obey(bucket, seen, now)
        self._settle(permit, now)

    def dropped(self, permit: BucketPermit) -> None:
        """A request was never sent."""
        self._dispatcher.untake(permit)
        self._settle(permit, self._clock.monotonic())

    def came_late(self, permit: BucketPermit, seen: Observation) -> None:
        """A reply after the lease ended: its request was counted then, but what it stops is stopped now."""
        now = self._clock.monotonic()
        self._obey(permit.bucket, seen, now)
        self._pump(now)

    def _check_budget(self, priority: Priority, now: float) -> None:
        wait = self._budget.refused_for(priority, now)
        if wait is not None:
            error = RateLimited(TOO_MANY_INVALID, retry_after_seconds=wait)
            self._room.tell(error)
            raise error

    def _check_time(self, opens_at: float, deadline: float, now: float) -> None:
        if opens_at > deadline or deadline <= now:
            error = self._refusal(opens_at - now, now)
            self._room.tell(error)
            raise error

    def _join(self, bucket: Bucket, priority: Priority, deadline: float, client_id: str) -> Waiter:
        """Raises RateLimited when the wait would be in vain, Overloaded when a queue is full."""
        now = self._clock.monotonic()
        opens_at = self._opens_at(bucket, priority, now)
        self._room.check_bounds(bucket, priority, client_id, opens_at - now)
        self._check_time(opens_at, deadline, now)
        waiter = Waiter(
            bucket,
            priority,
            next(self._order),
            since=now,
            deadline=deadline,
            client_id=client_id,
            completions=self,
        )
        self._room.enter(waiter)
        self._leases.watch(self._has_waiters)
        self._dispatcher.evaluate(bucket, now)
        self._dispatcher.pump(bucket.gate, now)
        return waiter

    async def _wait(self, waiter: Waiter) -> BucketPermit:
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._give_up(waiter)
            raise

    def _give_up(self, waiter: Waiter) -> None:
        """The caller left: in line, or in the very moment it was let go."""
        if waiter.permit is not None:
            waiter.permit.drop()
        elif waiter.is_waiting:
            now = self._clock.monotonic()
            self._dispatcher.withdraw(waiter, None, now)
            self._pump(now)

    def _opens_at(self, bucket: Bucket, priority: Priority, now: float) -> float:
        """When a newcomer would be let go, at the earliest, by all that is known now."""
        ahead = 0 if bucket.line is None else bucket.line.ahead_of(priority)
        return max(bucket.opens_for(now, ahead), bucket.gate.opens_for(now, priority))

    def _settle(self, permit: BucketPermit, now: float) -> None:
        if len(self._room):
            self._dispatcher.evaluate(permit.bucket, now)
            self._dispatcher.evaluate_channel(permit.bucket, now)
            self._pump(now)

    def _pump(self, now: float) -> None:
        self._dispatcher.pump(self._token_gate, now)
        self._dispatcher.pump(self._webhook_gate, now)

    def _obey(self, bucket: Bucket, seen: Observation, now: float) -> None:
        """What a reply means beyond its own bucket."""
        if seen.is_discords:
            self._pauses.discord_answered()
        if seen.status >= 400 and self._budget.count(seen.status, seen.scope, now):
            self._alert(now)
        if seen.scope is None:
            return
        self._observer.rate_limited(seen.scope)
        if seen.scope == "global":
            self._stop_globally(bucket.gate, seen, now)
        elif seen.scope == "cloudflare":
            self._stop_egress(seen, now)
        elif bucket.line is not None:
            self._refuse(list(bucket.line), bucket.paused_until, now)

    def _stop_globally(self, gate: Gate, seen: Observation, now: float) -> None:
        is_new = self._pauses.stop_globally(seen.retry_after_seconds, now, is_webhook=gate.is_for_webhooks)
        until = self._pauses.until(is_webhook=gate.is_for_webhooks)
        if is_new:
            self._observer.paused("webhooks" if gate.is_for_webhooks else "token", until - now)
            if gate.limit is not None:
                gate.limit.yield_room(now)
        hopeless = self._room.deadlines.before(until)
        self._refuse([waiter for waiter in hopeless if waiter.bucket.gate is gate], until, now)

    def _stop_egress(self, seen: Observation, now: float) -> None:
        if self._pauses.stop_egress(seen.retry_after_seconds, now):
            self._observer.paused("egress", self._pauses.egress_until - now)
        until = self._pauses.egress_until
        self._refuse(self._room.deadlines.before(until), until, now)

    def _alert(self, now: float) -> None:
        """The budget of invalid requests has sunk to another mark."""
        alert = self._budget.alert
        self._observer.invalid_requests(self._budget.used, self._budget.limit, int(alert))
        if alert < Alert.ONLY_MODERATION:
            return
        for waiter in list(self._room.deadlines):
            wait = self._budget.refused_for(waiter.priority, now)
            if wait is not None and waiter.is_waiting:
                self._dispatcher.withdraw(waiter, RateLimited(TOO_MANY_INVALID, retry_after_seconds=wait), now)

    def _refuse(self, waiters: list[Waiter], until: float, now: float) -> None:
        """Tells those who would wait in vain."""
        for waiter in waiters:
            if waiter.is_waiting and waiter.deadline < until:
                self._dispatcher.withdraw(waiter, self._refusal(until - now, now), now)

    def _refusal(self, wait_seconds: float, now: float) -> RateLimited | DiscordUnavailable:
        """What a wait in vain is told. While Cloudflare blocks us it is no limit that the caller could have kept."""
        if self._pauses.egress_until > now:
            return DiscordUnavailable(BLOCKED, retry_after_seconds=wait_seconds)
        return RateLimited(REFUSED, retry_after_seconds=wait_seconds)

    def _refuse_the_due(self) -> None:
        now = self._clock.monotonic()
        for waiter in self._room.due(now):
            wait = self._opens_at(waiter.bucket, waiter.priority, now) - now
            self._dispatcher.withdraw(waiter, self._refusal(wait or UNKNOWN_WAIT_SECONDS, now), now)
        self._pump(now)

    def _has_waiters(self) -> bool:
        return len(self._room) > 0

"""The last gate before a request leaves: the token's global limit, and the pauses of everything.

Buckets that have room offer the first of their waiters. The gate takes, of all that are offered, the one that
goes first by priority and arrival; only then does it take its place in the bucket. Nobody holds room in a
bucket while waiting here, so a ban passes a thousand bulk messages. Requests to webhooks carry no token and
have a gate without a limit.
"""

import heapq
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from services.discord.rate_limit.global_limit import LATEST_ARRIVAL_SECONDS, GlobalLimit
from services.discord.rate_limit.pauses import Pauses
from services.discord.rate_limit.queue import REBUILD_AT, Waiter
from services.discord.rate_limit.share import Share
from services.ports import Priority

if TYPE_CHECKING:
    from services.discord.rate_limit.bucket import Bucket
    from services.discord.rate_limit.permit import BucketPermit

ASK_AGAIN_SECONDS: Final = 0.02
"""When others hold every place and none has a time yet."""


class Places:
    """The places that all replicas share, as they were when they were last asked for. Monotonic seconds."""

    __slots__ = ("_asked_at", "_open", "used")

    def __init__(self) -> None:
        self._open: deque[float] = deque()
        self._asked_at = -math.inf
        self.used = 0

    def open_at(self, now: float) -> float:
        """When it is worth while to ask for the next one."""
        if self._open:
            return self._open[0]
        return max(now, self._asked_at + ASK_AGAIN_SECONDS)

    def take(self) -> None:
        if self._open:
            self._open.popleft()

    def are(self, open_at: list[float], now: float, *, used: int) -> None:
        """They were asked for: so many are taken, one comes free at each of these times."""
        self._open = deque(open_at)
        self.used = used
        self._asked_at = now


class Gate:
    """Who is offered, and when the next may pass. `limit` None: no limit, pauses only."""

    def __init__(self, limit: GlobalLimit | None, pauses: Pauses, share: Share, *, is_for_webhooks: bool) -> None:
        self.limit = limit
        self.share = share
        self.places: Places | None = None
        self.is_for_webhooks = is_for_webhooks
        self.in_flight = 0
        self._pauses = pauses
        self._offered: list[Waiter] = []
        self._flights: deque[BucketPermit] = deque()
        self._backlog = [0] * len(Priority)
        self._rebuild_at = REBUILD_AT

    def open_at(self, now: float) -> float:
        """When the next may pass: not after `now` means at once, infinity that a reply must come first."""
        if self.in_flight and self._pauses.is_on_trial:
            return math.inf
        opens_at = self._pauses.until(is_webhook=self.is_for_webhooks)
        if self.limit is None:
            return opens_at
        self._land_the_overdue(now)
        place_at = self.limit.open_at(now)
        opens_at = max(opens_at, self._overdue_at() if place_at == math.inf else place_at)
        return opens_at if self.places is None else max(opens_at, self.places.open_at(now))

    def used(self, now: float) -> int:
        """Places taken: by all replicas, as last heard, where they share."""
        if self.places is not None:
            return self.places.used
        return 0 if self.limit is None else self.limit.used(now)

    def opens_for(self, now: float, priority: Priority) -> float:
        """When a newcomer of that priority would pass, at the earliest; an estimate for a refusal."""
        opens_at = max(now, self._pauses.until(is_webhook=self.is_for_webhooks))
        if self.limit is None:
            return opens_at
        return max(opens_at, self.limit.opens_for(now, sum(self._backlog[: priority + 1])))

    def offer(self, waiter: Waiter) -> None:
        """The bucket of the waiter has room for it."""
        if waiter.bucket.offered is not waiter:
            waiter.bucket.offered = waiter
            heapq.heappush(self._offered, waiter)
            if len(self._offered) > self._rebuild_at:
                self._rebuild()

    def first(self) -> Waiter | None:
        """Whoever passes next, of those still offered."""
        offered = self._offered
        while offered and not _is_offered(offered[0]):
            heapq.heappop(offered)
        return offered[0] if offered else None

    def recount(self, bucket: "Bucket", room: int, priority: int) -> None:
        """How many waiters of a bucket wait for nothing but this gate."""
        self._backlog[bucket.backlog_priority] -= bucket.backlog
        bucket.backlog, bucket.backlog_priority = room, priority
        self._backlog[priority] += room

    def take(self, permit: "BucketPermit") -> None:
        self.in_flight += 1
        if self.limit is not None:
            self.limit.take()
        if self.places is not None:
            self.places.take()

    def depart(self, permit: "BucketPermit") -> None:
        """The request leaves now: from here on it can be overdue."""
        if self.limit is not None:
            self._flights.append(permit)

    def land(self, permit: "BucketPermit", now: float) -> None:
        """The request was answered, or is given up: it has arrived by now."""
        self.in_flight -= 1
        if self.limit is not None and not permit.has_landed:
            permit.has_landed = True
            self.limit.land(now)

    def give_back(self, permit: "BucketPermit") -> None:
        """The request was never sent."""
        self.in_flight -= 1
        if self.limit is not None and not permit.has_landed:
            permit.has_landed = True
            self.limit.give_back()

    def _rebuild(self) -> None:
        """Drops what is offered no longer."""
        self._offered = list(dict.fromkeys(waiter for waiter in self._offered if _is_offered(waiter)))
        heapq.heapify(self._offered)
        self._rebuild_at = max(REBUILD_AT, 2 * len(self._offered))

    def _land_the_overdue(self, now: float) -> None:
        flights = self._flights
        while flights and (flights[0].has_landed or flights[0].sent_at + LATEST_ARRIVAL_SECONDS <= now):
            permit = flights.popleft()
            if self.limit is not None and not permit.has_landed:
                permit.has_landed = True
                self.limit.land(permit.sent_at + LATEST_ARRIVAL_SECONDS)

    def _overdue_at(self) -> float:
        return self._flights[0].sent_at + LATEST_ARRIVAL_SECONDS if self._flights else math.inf


def _is_offered(waiter: Waiter) -> bool:
    return waiter.is_waiting and waiter.bucket.offered is waiter

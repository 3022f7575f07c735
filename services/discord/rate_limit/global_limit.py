"""At most so many requests in any second, as the receiver sees it: the token's limit, and the ceiling of a
channel.

We know when a request leaves and when its reply is here; it is counted somewhere between. Two requests a
second apart on our clock can therefore arrive closer together, and a limit kept on our side alone is broken
by jitter (discord-api-docs issue 5144: exactly 50 per second still meets 429s). So a place is taken from the
moment a request leaves until one second after its *reply*. Then the next one that takes the place arrives at
least a second after the former did, whatever the network does: no window of a second can hold more than
`limit`. It costs one round trip per second of allowance, bursts stay possible, and the places spread
themselves over the second by the replies' own times.

A request whose reply is long in coming would hold its place as long. It is taken to have arrived
`LATEST_ARRIVAL_SECONDS` after it departed: by then TCP has delivered it or it never will, and only its answer
is slow.

A 429 of global scope means somebody else uses the same token: the limit is lowered by a fifth, and a tenth
comes back per quiet minute. https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
"""

import heapq
import math
from typing import Final

from services.discord.rate_limit.share import Share

SECOND: Final = 1.0
MARGIN_SECONDS: Final = 0.005
LATEST_ARRIVAL_SECONDS: Final = 5.0
YIELD_SHARE: Final = 5
RECOVERY_SHARE: Final = 10
RECOVERY_SECONDS: Final = 60.0


class ArrivalLimit:
    """Places of one second each. Times are monotonic seconds."""

    __slots__ = ("_cooling", "in_flight", "limit", "not_before", "share")

    def __init__(self, limit: int, share: Share | None = None) -> None:
        self.limit = limit
        self.share = share or Share()
        self.in_flight = 0
        self.not_before = 0.0
        self._cooling: list[float] = []

    def open_at(self, now: float) -> float:
        """When the next request may leave: `now` means at once, infinity that a reply must come first."""
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            heapq.heappop(cooling)
        if now < self.not_before:
            return self.not_before
        excess = self.in_flight + len(cooling) - self.share.of(self.limit)
        if excess < 0:
            return now
        if excess == 0 and cooling:
            return cooling[0]
        return heapq.nsmallest(excess + 1, cooling)[-1] if excess < len(cooling) else math.inf

    def opens_for(self, now: float, ahead: int) -> float:
        """When the request leaves that has `ahead` others before it, at the earliest."""
        limit = self.share.of(self.limit)
        wait = ahead + 1 - (limit - self.used(now))
        if wait <= 0:
            return now
        first = self._cooling[0] if self._cooling else now + SECOND
        return first + (wait - 1) // limit * SECOND

    def used(self, now: float) -> int:
        """Places taken."""
        self.open_at(now)
        return self.in_flight + len(self._cooling)

    def cooling(self, now: float) -> list[float]:
        """When the places of the requests that have arrived come back."""
        return [free_at for free_at in self._cooling if free_at > now]

    def take(self) -> None:
        self.in_flight += 1

    def land(self, arrived_at: float) -> None:
        """A request has arrived, at the latest at `arrived_at`: its place comes back a second later."""
        self.in_flight -= 1
        heapq.heappush(self._cooling, arrived_at + SECOND + MARGIN_SECONDS)

    def give_back(self) -> None:
        """A request was never sent."""
        self.in_flight -= 1


class GlobalLimit(ArrivalLimit):
    """The limit of a token, which yields when somebody else shares it."""

    __slots__ = ("_grows_at", "_most")

    def __init__(self, limit: int, share: Share | None = None) -> None:
        super().__init__(limit, share)
        self._most = limit
        self._grows_at = math.inf

    def open_at(self, now: float) -> float:
        if now >= self._grows_at:
            self._grow(now)
        return super().open_at(now)

    def yield_room(self, now: float) -> None:
        """Discord said that the token's limit is used up, though we kept to it."""
        self.limit = max(1, self.limit - max(1, self.limit // YIELD_SHARE))
        self._grows_at = now + RECOVERY_SECONDS

    def _grow(self, now: float) -> None:
        minutes = 1 + int((now - self._grows_at) // RECOVERY_SECONDS)
        step = max(1, self._most // RECOVERY_SHARE)
        self.limit = min(self._most, self.limit + minutes * step)
        self._grows_at = math.inf if self.limit == self._most else now + RECOVERY_SECONDS

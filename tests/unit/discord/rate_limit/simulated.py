"""A Discord that counts: windows of both kinds, the global limit, latency both ways.

It is written from the documentation and from what was observed, not from the limiter.
"""

import asyncio
import bisect
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.discord.rate_limit import Lane, Observation, RateLimiter, observation_of
from services.discord.rate_limit.permit import BucketPermit
from services.ports import Priority
from tests.unit.discord.rate_limit.virtual import clock

type Kind = Literal["sliding", "fixed", "aligned"]
FAR = 1e9


def lane(
    major: str = "1",
    *,
    method: str = "POST",
    route: str = "/channels/{channel_id}/messages",
    variant: str = "",
    is_webhook: bool = False,
) -> Lane:
    return Lane(method, route, variant, major, is_webhook)


def webhook(major: str = "1") -> Lane:
    return lane(major, route="/webhooks/{webhook_id}/{webhook_token}", is_webhook=True)


@dataclass
class Rule:
    """A limit as Discord keeps it."""

    limit: int
    period: float
    kind: Kind = "sliding"
    name: str = "hash"


@dataclass
class Count:
    """One bucket on the server."""

    rule: Rule
    full_at: float = -math.inf
    used: int = 0

    def take(self, now: float) -> bool:
        if self.wait(now) > 0:
            return False
        if self.rule.kind == "sliding":
            self.full_at = max(self.full_at, now) + self.rule.period / self.rule.limit
        else:
            self._open(now)
            self.used += 1
        return True

    def wait(self, now: float) -> float:
        if self.rule.kind == "sliding":
            interval = self.rule.period / self.rule.limit
            wait = self.full_at - now - (self.rule.limit - 1) * interval
            return wait if wait > 1e-9 else 0.0
        return max(0.0, self.full_at - now) if self.used >= self.rule.limit and now < self.full_at else 0.0

    def headers(self, now: float) -> dict[str, str]:
        after = max(0.0, self.full_at - now)
        if self.rule.kind == "sliding":
            left = math.floor(self.rule.limit - after / (self.rule.period / self.rule.limit) + 1e-9)
        else:
            left = self.rule.limit - self.used if after else self.rule.limit
        return {
            "X-RateLimit-Limit": str(self.rule.limit),
            "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Reset": f"{1_700_000_000 + now + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": self.rule.name,
        }

    def _open(self, now: float) -> None:
        if now < self.full_at:
            return
        self.used = 0
        period = self.rule.period
        self.full_at = now + period if self.rule.kind == "fixed" else (now // period + 1) * period


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: object = None

    @property
    def seen(self) -> Observation:
        return observation_of(self.status, self.headers, self.body)


@dataclass
class Discord:
    """The server. `latency` gives the way there and the way back of the n-th request, in seconds."""

    rule: Callable[[Lane], Rule | None]
    latency: Callable[[int], tuple[float, float]] = lambda _: (0.01, 0.01)
    global_limit: int = 50
    is_lost: Callable[[int], bool] = lambda _: False
    shows_reset: bool = True
    counts: dict[Lane, Count] = field(default_factory=dict)
    arrivals: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    received: list[tuple[float, Lane]] = field(default_factory=list)
    requests: int = 0

    async def request(self, lane: Lane) -> Answer | None:
        """The reply; None when it was lost on the way back."""
        number = self.requests
        there, back = self.latency(number)
        self.requests += 1
        await asyncio.sleep(there)
        answer = self.count(lane, clock().time())
        await asyncio.sleep(back)
        return None if self.is_lost(number) else answer

    def count(self, lane: Lane, now: float) -> Answer:
        self.received.append((now, lane))
        if not lane.is_webhook:
            self.arrivals.append(now)
            if len(self.arrivals) - bisect.bisect_right(self.arrivals, now - 1.0) > self.global_limit:
                return self._refuse("global", 1.0, {"X-RateLimit-Global": "true"})
        rule = self.rule(lane)
        if rule is None:
            return Answer(200, {"Via": "1.1 google"})
        count = self.counts.setdefault(lane, Count(rule))
        wait = count.wait(now)
        if not count.take(now):
            return self._refuse("user", wait, self._shown(count, now))
        return Answer(200, {"Via": "1.1 google", **self._shown(count, now)})

    def most_in_a_second(self) -> int:
        ends = [bisect.bisect_left(self.arrivals, start + 1.0) for start in self.arrivals]
        return max((end - start for start, end in enumerate(ends)), default=0)

    def _shown(self, count: Count, now: float) -> dict[str, str]:
        headers = count.headers(now)
        if not self.shows_reset:
            del headers["X-RateLimit-Reset"]
        return headers

    def _refuse(self, scope: str, wait: float, headers: Mapping[str, str]) -> Answer:
        self.refused[scope] += 1
        shown = {**headers, "Via": "1.1 google", "X-RateLimit-Scope": scope, "Retry-After": str(math.ceil(wait))}
        return Answer(429, shown, {"retry_after": round(wait, 3), "global": scope == "global"})


async def send(
    limiter: RateLimiter,
    discord: Discord,
    lane: Lane,
    *,
    priority: Priority = Priority.ORDINARY,
    deadline: float = FAR,
    client_id: str = "caller",
) -> Answer | None:
    """One request as the client makes it: repeated while Discord answers 429. None: the reply was lost."""
    while True:
        permit = await limiter.acquire(lane, priority=priority, deadline=deadline, client_id=client_id)
        if isinstance(permit, BucketPermit):
            permit.depart()
        answer = await discord.request(lane)
        permit.complete(None if answer is None else answer.seen)
        if answer is None or answer.status != 429:
            return answer

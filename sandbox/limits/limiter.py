"""Counting requests against buckets and the global limit, and wording the 429."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.call import Answer
from sandbox.clock import Clock
from sandbox.limits.claims import Claim, Key
from sandbox.limits.rules import STARTING_RULES, Rule, Scope
from sandbox.limits.traffic import RollingCount
from sandbox.limits.windows import Window
from sandbox.options import Options

MAX_BUCKETS = 10_000
TOO_MANY_REQUESTS = 429
MESSAGES = {
    Scope.USER: "You are being rate limited.",
    Scope.GLOBAL: "You are being rate limited.",
    Scope.SHARED: "The resource is being rate limited.",
}


@dataclass(slots=True)
class Bucket:
    """A rule at work for one major parameter."""

    rule: Rule
    major: str
    window: Window


@dataclass(slots=True)
class Admission:
    """Headers for a request that may go on, or the 429 that ends it and the limit that said so."""

    headers: dict[str, str] = field(default_factory=dict)
    refused: Answer | None = None
    scope: Scope | None = None
    refused_by: str | None = None


class Limiter:
    """All buckets of the sandbox. `rules`: name → rule, None for a route without limit and headers."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Back to the starting rules, with everything full."""
        self.rules: dict[str, Rule | None] = {rule.name: rule for rule in STARTING_RULES}
        self._buckets: dict[Key, Bucket] = {}
        self._admitted = RollingCount(self._options.global_window_seconds)
        self.arrivals = RollingCount(1.0)
        self.refused: Counter[Scope] = Counter()

    def change_rule(self, name: str, changes: dict[str, Any] | None) -> None:
        """Gives a rule another limit, period or kind; None takes it away. Raises KeyError, SettingError."""
        starting = {rule.name: rule for rule in STARTING_RULES}[name]
        current = self.rules[name] or starting
        self.rules[name] = None if changes is None else current.changed(changes)
        self.forget_counts()

    def forget_counts(self) -> None:
        """Everything is full again; needed after a change of limits."""
        self._buckets.clear()
        self._admitted = RollingCount(self._options.global_window_seconds)

    def admit(self, claim: Claim | None, *, counts_globally: bool) -> Admission:
        """Counts one request: the global limit first, then the shown bucket, then the hidden one."""
        now = self._clock.monotonic()
        if counts_globally:
            self.arrivals.add(now)
        if not self._options.limits_enabled:
            return Admission()
        if counts_globally and not self._take_global(now):
            return self._refuse(Scope.GLOBAL, self._admitted.leaves_after(now), {}, "global")
        if claim is None:
            return Admission()
        return self._admit_to_buckets(claim, now)

    def _take_global(self, now: float) -> bool:
        if self._admitted.count(now) >= self._global_limit():
            return False
        self._admitted.add(now)
        return True

    def _global_limit(self) -> int:
        return max(1, round(self._options.global_limit * self._options.limit_factor))

    def global_count(self) -> tuple[int, int]:
        """Requests counted in the window that ends now, and how many it takes."""
        return self._admitted.count(self._clock.monotonic()), self._global_limit()

    def _admit_to_buckets(self, claim: Claim, now: float) -> Admission:
        shown = self._bucket(claim.shown, now)
        if shown is not None and not shown.window.take(now):
            return self._refuse_by(shown, now, self._headers(shown, now))
        headers = {} if shown is None else self._headers(shown, now)
        hidden = None if claim.hidden is None else self._bucket(claim.hidden, now)
        if hidden is not None and not hidden.window.take(now):
            worn = self._headers(hidden, now) if claim.unmasked else headers
            return self._refuse_by(hidden, now, worn)
        return Admission(headers)

    def shown_headers(self, claim: Claim | None) -> dict[str, str]:
        """The headers of a bucket as it stands, without using a request."""
        now = self._clock.monotonic()
        bucket = self._bucket(claim.shown, now) if claim and self._options.limits_enabled else None
        return {} if bucket is None else self._headers(bucket, now)

    def buckets(self, at_most: int | None = None) -> list[dict[str, Any]]:
        """Every bucket there is; or at most so many, those that are not full before the others, newest first."""
        now = self._clock.monotonic()
        chosen = list(self._buckets.values())
        if at_most is not None:
            chosen.reverse()
            chosen = sorted(chosen, key=lambda each: each.window.reset_after(now) == 0)[:at_most]
        return [
            {
                "rule": bucket.rule.name,
                "major": bucket.major,
                "kind": bucket.rule.kind,
                "hash": bucket.rule.bucket_hash,
                "limit": bucket.window.limit,
                "period_seconds": bucket.rule.period_seconds,
                "remaining": bucket.window.remaining(now),
                "reset_after": bucket.window.reset_after(now),
                "retry_after": bucket.window.retry_after(now),
            }
            for bucket in chosen
        ]

    def _bucket(self, key: Key, now: float) -> Bucket | None:
        rule = self.rules[key[0]]
        if rule is None:
            return None
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[key] = Bucket(rule, key[1], rule.window(self._options.limit_factor))
        return bucket

    def _make_room(self, now: float) -> None:
        """Forgets the buckets that are full; if all are in use, the oldest one."""
        if len(self._buckets) < MAX_BUCKETS:
            return
        used = {key: each for key, each in self._buckets.items() if each.window.reset_after(now) > 0}
        self._buckets = used
        if len(used) >= MAX_BUCKETS:
            del used[next(iter(used))]

    def _headers(self, bucket: Bucket, now: float) -> dict[str, str]:
        reset_after = _up_to_milliseconds(bucket.window.reset_after(now))
        return {
            "X-RateLimit-Limit": str(bucket.window.limit),
            "X-RateLimit-Remaining": str(bucket.window.remaining(now)),
            "X-RateLimit-Reset": f"{self._clock.wall() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": bucket.rule.bucket_hash,
        }

    def _refuse_by(self, bucket: Bucket, now: float, headers: dict[str, str]) -> Admission:
        name = f"{bucket.rule.name} of {bucket.major.partition(':')[0]}"
        return self._refuse(bucket.rule.scope, bucket.window.retry_after(now), headers, name)

    def _refuse(self, scope: Scope, retry_after: float, headers: dict[str, str], refused_by: str) -> Admission:
        self.refused[scope] += 1
        return Admission(headers, too_many_requests(scope, retry_after, headers), scope, refused_by)


def too_many_requests(scope: Scope, retry_after: float, headers: dict[str, str]) -> Answer:
    """A 429 as Discord words it; `headers` are those of the bucket, none when the global limit is hit."""
    retry_after = _up_to_milliseconds(retry_after)
    worn = headers | {"Retry-After": str(math.ceil(retry_after)), "X-RateLimit-Scope": scope.value}
    if scope is Scope.GLOBAL:
        worn["X-RateLimit-Global"] = "true"
    payload = {"message": MESSAGES[scope], "retry_after": retry_after, "global": scope is Scope.GLOBAL}
    return Answer(TOO_MANY_REQUESTS, payload, worn)


def _up_to_milliseconds(seconds: float) -> float:
    """Rounded up, so that whoever waits exactly this long is never early."""
    return math.ceil(round(seconds * 1000, 6)) / 1000

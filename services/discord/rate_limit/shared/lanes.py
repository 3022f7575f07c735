"""Lanes here and in Redis: which version our knowledge continues, and what is to be written.

A reply is learned here at once and written with the next exchange. Where somebody else wrote in between, we take over
what is there and learn our own replies again on top of it, so nothing anybody saw is lost and nothing counts twice.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

import orjson

from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.permit import BucketPermit
from services.discord.rate_limit.port import Observation
from services.discord.rate_limit.shared.lane import Landing, RemoteLane
from services.discord.rate_limit.shared.redis_time import RedisTime
from services.ports import Clock

SURPRISED_SECONDS: Final = 0.02
"""How long to leave a lane alone that was refused although nothing in it is new to us."""


class Lanes:
    """The lanes of one replica. `replica` changes with every life: what a former one left behind is a stranger's."""

    def __init__(self, replica: str, clock: Clock) -> None:
        self.replica = replica
        self.time = RedisTime()
        self.dirty: dict[Bucket, None] = {}
        self._clock = clock
        self._life = 0

    def begin_life(self, replica: str) -> None:
        """Redis is out of reach: what is learned from now on is learned apart."""
        self.replica = replica
        self._life += 1
        self.dirty = {}
        self.time.forget()

    def of(self, bucket: Bucket) -> RemoteLane:
        """The bucket's counterpart."""
        remote = bucket.remote
        if remote is None:
            remote = bucket.remote = RemoteLane(bucket.key, self._life)
        if remote.life != self._life:
            self._revive(bucket, remote)
        return remote

    def landed(self, permit: BucketPermit, seen: Observation | None) -> None:
        """A request was answered, or given up as lost, and is learned."""
        landing = Landing(permit.flight, permit, seen, self._clock.monotonic())
        self.of(permit.bucket).pending.append(landing)
        self.dirty[permit.bucket] = None

    def lose(self, bucket: Bucket, replica: str) -> None:
        """Requests of a replica that is gone count as sent, their replies as lost."""
        now, remote = self._clock.monotonic(), self.of(bucket)
        lost = frozenset(flight for flight in remote.elsewhere if flight.startswith(f"{replica}:"))
        for flight in lost:
            remote.pending.append(Landing(flight, None, None, now))
            bucket.lose(now)
        remote.elsewhere -= lost
        bucket.in_flight -= len(lost)
        self.dirty[bucket] = None

    def strangers(self, waited_for: Collection[Bucket], members: Collection[str]) -> dict[str, list[Bucket]]:
        """Who has requests in flight in these lanes and is not among the members."""
        found: dict[str, list[Bucket]] = {}
        for bucket in waited_for:
            for owner in {flight.partition(":")[0] for flight in self.of(bucket).elsewhere}:
                if owner not in members:
                    found.setdefault(owner, []).append(bucket)
        return found

    def kept_milliseconds(self, bucket: Bucket) -> float:
        """How long what is known must not be forgotten."""
        full_at = -math.inf if bucket.window is None else bucket.window.full_at
        return max(0.0, max(full_at, bucket.paused_until) - self._clock.monotonic()) * 1000

    def settle(self, bucket: Bucket, version: str, landings: int, told: Any) -> None:
        """What became of a new version with so many landings: written, or what stands in its place."""
        remote = self.of(bucket)
        if told is True:
            remote.version = version
            remote.is_divergent = False
            del remote.pending[:landings]
        else:
            self.adopt(bucket, told)
            self.dirty[bucket] = None

    def adopt(self, bucket: Bucket, told: Mapping[str, Any]) -> None:
        """Continues from what is in Redis."""
        remote = self.of(bucket)
        own = f"{self.replica}:"
        elsewhere = frozenset(flight for flight in told["f"] or () if not flight.startswith(own))
        is_new = elsewhere != remote.elsewhere
        bucket.in_flight += len(elsewhere) - len(remote.elsewhere)
        remote.elsewhere = elsewhere
        if told["v"] != remote.version:
            remote.version = told["v"]
            self._take_over(bucket, remote, told["s"])
        elif not is_new:
            bucket.paused_until = max(bucket.paused_until, self._clock.monotonic() + SURPRISED_SECONDS)

    def _take_over(self, bucket: Bucket, remote: RemoteLane, known: str) -> None:
        if not known:  # forgotten there, but not here
            self.dirty[bucket] = None
            return
        row = orjson.loads(known)
        if remote.is_divergent:
            bucket.join(row, self.time.ahead_seconds)
            self.dirty[bucket] = None
            return
        bucket.restore(row, self.time.ahead_seconds)
        for landing in remote.pending:
            if landing.permit is None:
                bucket.lose(landing.at)
            else:
                bucket.learn(landing.permit, landing.seen, landing.at)

    def _revive(self, bucket: Bucket, remote: RemoteLane) -> None:
        """What was learned apart was not shared, and who else is in flight is not known any more."""
        remote.life = self._life
        remote.is_divergent = True
        remote.pending.clear()
        bucket.in_flight -= len(remote.elsewhere)
        remote.elsewhere = frozenset()
        self.dirty[bucket] = None

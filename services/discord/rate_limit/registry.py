"""All buckets and channels in use, and their forgetting.

Two buckets are looked at with every request, in turn, and dropped when nothing would be lost. So what was
used once leaves at the pace of the traffic that made it, without a task of its own and without a pause in
which thousands are swept. What was asked for and never used, because its request was refused, leaves within seconds:
nothing is known of it, and whoever names ever other channels must not fill the memory.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from services.discord.rate_limit.bucket import Bucket, Channel, RouteKnowledge
from services.discord.rate_limit.gate import Gate
from services.discord.rate_limit.port import Lane

LOOKED_AT: Final = 2
UNUSED_SECONDS: Final = 10.0
MOST_ROUTES: Final = 1_000
CHANNEL_ROUTE: Final = "/channels/{channel_id}"


class Buckets:
    """Buckets by what Discord counts together. Times are monotonic seconds."""

    def __init__(self, token_gate: Gate, webhook_gate: Gate, per_channel: int, idle_seconds: float) -> None:
        self._gates = (token_gate, webhook_gate)
        self._per_channel = per_channel
        self._idle_seconds = idle_seconds
        self._buckets: dict[tuple[str, str, str, str], Bucket] = {}
        self._turn: deque[Bucket] = deque()
        self._channels: dict[str, Channel] = {}
        self._routes: dict[tuple[str, str, str], RouteKnowledge] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def __iter__(self) -> Iterator[Bucket]:
        """The newest first."""
        return reversed(self._buckets.values())

    @property
    def channel_count(self) -> int:
        return len(self._channels)

    def of(self, lane: Lane, now: float) -> Bucket:
        """The bucket of a lane, made when there is none."""
        key = Bucket.key_of(lane)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._add(key, lane)
        bucket.last_used_at = now
        return bucket

    def forget_idle(self, now: float, looked_at: int = LOOKED_AT) -> None:
        """Looks at the next few buckets and drops those that are idle."""
        turn = self._turn
        for _ in range(min(looked_at, len(turn))):
            is_known = turn[0].completions > 0
            idle_seconds = self._idle_seconds if is_known else min(self._idle_seconds, UNUSED_SECONDS)
            if turn[0].is_forgettable(now, idle_seconds):
                self._forget(turn.popleft())
            else:
                turn.rotate(-1)

    def _add(self, key: tuple[str, str, str, str], lane: Lane) -> Bucket:
        is_channels = lane.route.startswith(CHANNEL_ROUTE)
        channel = self._channel(lane.major) if is_channels else None
        bucket = Bucket(key, self._gates[lane.is_webhook], channel, self._route(key[:3]))
        self._buckets[key] = bucket
        self._turn.append(bucket)
        return bucket

    def _channel(self, major: str) -> Channel:
        channel = self._channels.get(major)
        if channel is None:
            channel = self._channels[major] = Channel(self._per_channel, self._gates[0].share)
        channel.bucket_count += 1
        return channel

    def _route(self, key: tuple[str, str, str]) -> RouteKnowledge:
        known = self._routes.get(key)
        if known is None:
            known = RouteKnowledge()
            if len(self._routes) < MOST_ROUTES:
                self._routes[key] = known
        return known

    def _forget(self, bucket: Bucket) -> None:
        del self._buckets[bucket.key]
        if bucket.alarm is not None:
            bucket.alarm.stop()
        if bucket.channel is not None:
            bucket.channel.bucket_count -= 1
            if not bucket.channel.bucket_count:
                del self._channels[bucket.key[3]]

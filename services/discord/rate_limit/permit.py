"""Leave to send one request, as a lease.

Whoever holds a permit may be cancelled at the wrong instant, or crash, or forget. A permit that is neither
completed nor dropped when its lease ends counts as sent and lost: the room comes back, the request is taken
to have been counted.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.port import Observation
from services.discord.rate_limit.timers import Alarm, Timers

REBUILD_AT: Final = 1_024
"""One forgotten permit must not keep all later ones in memory until its lease ends."""


class Completions(Protocol):
    """Who wants to know what became of a permit."""

    def departed(self, permit: "BucketPermit") -> float:
        """The time."""
        ...

    def completed(self, permit: "BucketPermit", seen: Observation | None) -> None: ...

    def dropped(self, permit: "BucketPermit") -> None: ...

    def came_late(self, permit: "BucketPermit", seen: Observation) -> None: ...


class BucketPermit:
    """One request on its way. `completions`: how many of its bucket were answered when it was granted; `flight`:
    its name where replicas share their state.
    """

    __slots__ = (
        "_completions",
        "bucket",
        "completions",
        "flight",
        "granted_at",
        "has_ended",
        "has_landed",
        "is_reported",
        "sent_at",
    )

    def __init__(self, completions: Completions, bucket: Bucket, now: float) -> None:
        self._completions = completions
        self.bucket = bucket
        self.flight = ""
        self.granted_at = now
        self.sent_at = now
        self.completions = bucket.completions
        self.has_landed = False
        self.has_ended = False
        self.is_reported = False

    def depart(self) -> None:
        """The bytes leave now. Whoever waits between `acquire` and sending says so: the bounds become
        narrower, and a reply that is long in coming need not be waited for to know that the request has
        arrived.
        """
        if not self.has_ended:
            self.sent_at = self._completions.departed(self)
            self.bucket.gate.depart(self)

    def complete(self, seen: Observation | None) -> None:
        """The bytes left. `seen` is what the reply said, None when no reply came. A second call changes nothing."""
        if self.is_reported:
            return
        self.is_reported = True
        if not self.has_ended:
            self.has_ended = True
            self._completions.completed(self, seen)
        elif seen is not None:
            self._completions.came_late(self, seen)

    def drop(self) -> None:
        """Nothing was sent: the room goes to the next in line. After `complete` it changes nothing."""
        self.is_reported = True
        if not self.has_ended:
            self.has_ended = True
            self._completions.dropped(self)

    def expire(self) -> None:
        """The lease ended: the request counts as sent and lost."""
        self.has_ended = True
        self._completions.completed(self, None)


class Leases:
    """All permits, in the order in which their leases end. The alarm is set while somebody waits for room."""

    def __init__(self, seconds: float, timers: Timers, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._permits: deque[BucketPermit] = deque()
        self._rebuild_at = REBUILD_AT
        self._now = now
        self._alarm = Alarm(timers, self._ring)
        self._is_watched: Callable[[], bool] = lambda: False

    def __len__(self) -> int:
        return len(self._permits)

    def watch(self, is_watched: Callable[[], bool]) -> None:
        """Sets the alarm for as long as `is_watched` says that somebody waits."""
        self._is_watched = is_watched
        self._set()

    def grant(self, permit: BucketPermit) -> None:
        self._permits.append(permit)
        if len(self._permits) > self._rebuild_at:
            self._permits = deque(other for other in self._permits if not other.has_ended)
            self._rebuild_at = max(REBUILD_AT, 2 * len(self._permits))

    def expire(self, now: float) -> None:
        """Ends the leases that are due."""
        permits = self._permits
        while permits and (permits[0].has_ended or permits[0].granted_at + self._seconds <= now):
            permit = permits.popleft()
            if not permit.has_ended:
                permit.expire()

    def close(self) -> None:
        self._alarm.stop()

    def _ring(self) -> None:
        self.expire(self._now())
        self._set()

    def _set(self) -> None:
        if self._permits and self._is_watched():
            self._alarm.set(self._permits[0].granted_at + self._seconds)

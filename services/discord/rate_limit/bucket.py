"""One lane's bucket: what may leave now, and what its replies teach.

**Unknown** until a reply shows headers: one request goes as a probe, the others wait for its reply. A new
channel on a route we know is probed as well, for limits differ between channels and another process may have
used it; the probe costs one round trip, and what siblings learned (which kind of window, how long an
interval) is believed where the reply agrees. **Unlimited** once a success shows no headers; headers later
make it known again. Any other reply only ends the probe: an error without headers proves nothing.

**Several windows**: one route can answer with several hashes (a deletion that finds nothing counts
elsewhere). Each keeps its own count; the requests that leave must find room in all of them until they are
full again.

**After a 429** of our own the bucket rests for `retry_after`, then one request goes alone, and the reply
decides. A 429 that shows another hash, or that leaves some remaining, is a limit the headers never show: the
bucket rests, its window keeps its count, and for as long again requests go one by one, so that the hidden
limit is met once and not by a burst. A 429 of shared scope was caused by others: the bucket rests, nothing
else changes.
"""

import math
from typing import TYPE_CHECKING, Any, Final

from services.discord.rate_limit.global_limit import ArrivalLimit
from services.discord.rate_limit.port import Lane, Observation
from services.discord.rate_limit.queue import Line, Waiter
from services.discord.rate_limit.share import Share
from services.discord.rate_limit.timers import Alarm
from services.discord.rate_limit.window import MARGIN_SECONDS, Window

if TYPE_CHECKING:
    from services.discord.rate_limit.gate import Gate
    from services.discord.rate_limit.permit import BucketPermit
    from services.discord.rate_limit.shared.lane import RemoteLane

TOO_MANY_REQUESTS: Final = 429
UNTOLD_SECONDS: Final = 1.0
LONGEST_CAUTION_SECONDS: Final = 60.0
MOST_BESIDE: Final = 3


class RouteKnowledge:
    """What the buckets of one route have in common: the window that was learned last."""

    __slots__ = ("window",)

    def __init__(self) -> None:
        self.window: Window | None = None


class Channel(ArrivalLimit):
    """The ceiling of one channel, and the buckets that share it."""

    __slots__ = ("blocked", "bucket_count")

    def __init__(self, limit: int, share: Share) -> None:
        super().__init__(limit, share)
        self.blocked: dict[Bucket, None] | None = None
        self.bucket_count = 0


class Bucket:
    """A lane's state. Times are monotonic seconds."""

    __slots__ = (
        "_beside",
        "_route",
        "alarm",
        "backlog",
        "backlog_priority",
        "cautious_until",
        "channel",
        "completions",
        "gate",
        "in_flight",
        "is_cautious",
        "is_unlimited",
        "key",
        "last_used_at",
        "line",
        "offered",
        "paused_until",
        "remote",
        "window",
    )

    def __init__(
        self, key: tuple[str, str, str, str], gate: "Gate", channel: Channel | None, route: RouteKnowledge
    ) -> None:
        self.key = key
        self.gate = gate
        self.channel = channel
        self.window: Window | None = None
        self.is_unlimited = False
        self.in_flight = 0
        self.completions = 0
        self.paused_until = 0.0
        self.is_cautious = False
        self.cautious_until = 0.0
        self.last_used_at = 0.0
        self.line: Line | None = None
        self.alarm: Alarm | None = None
        self.offered: Waiter | None = None
        self.backlog = 0
        self.backlog_priority = 0
        self._beside: list[Window] | None = None
        self._route = route
        self.remote: RemoteLane | None = None

    @staticmethod
    def key_of(lane: Lane) -> tuple[str, str, str, str]:
        """What is counted together. Adding and removing reactions share one count (discord-api-docs issue
        981).
        """
        method = "*" if "/reactions/" in lane.route and lane.method != "GET" else lane.method
        return method, lane.route, lane.variant, lane.major

    @property
    def waiting(self) -> int:
        return 0 if self.line is None else len(self.line)

    @property
    def in_flight_here(self) -> int:
        """Ours. What is known of other replicas' may be out of date: nobody is refused for it."""
        return self.in_flight if self.remote is None else self.in_flight - len(self.remote.elsewhere)

    def open_at(self, now: float) -> float:
        """When one more request may leave: not after `now` means at once, infinity that a reply must come
        first.
        """
        if self.in_flight and self._goes_alone(now):
            return math.inf
        opens_at = self.paused_until
        if self.window is not None:
            opens_at = max(opens_at, self._window_opens_at(self.window, now))
        if self._beside is not None:
            opens_at = max(opens_at, *(self._window_opens_at(window, now) for window in self._beside_at(now)), 0.0)
        if self.channel is not None:
            opens_at = max(opens_at, self.channel.open_at(now))
        return opens_at

    def opens_for(self, now: float, ahead: int) -> float:
        """When a request leaves that has `ahead` others before it, at the earliest; an estimate for a
        refusal.
        """
        opens_at = max(self.paused_until, now)
        if self.window is not None:
            opens_at = max(opens_at, self.window.opens_for(now, self.in_flight_here + ahead))
        if self.channel is not None:
            opens_at = max(opens_at, self.channel.opens_for(now, ahead))
        return opens_at

    def room(self, now: float) -> int:
        """How many of those who wait here wait for the gate alone."""
        if self.open_at(now) > now:
            return 0
        if self._goes_alone(now):
            return 1
        return self.waiting if self.window is None else max(1, self.window.room(now, self.in_flight))

    def learn(self, permit: "BucketPermit", seen: Observation | None, now: float) -> None:
        """The request of `permit` is in flight no longer; `seen` is what its reply said."""
        overtakers = self.completions - permit.completions
        self.completions += 1
        if seen is not None and seen.scope is not None:
            self._rest(permit, seen, now)
            return
        if seen is None or seen.limit is None or seen.remaining is None or seen.reset_after_seconds is None:
            self._count_unseen(seen, now)
            return
        self.is_cautious = False
        before, window = self.window, self._window_of(seen, now)
        window.learn(seen, permit.sent_at, now, overtakers)
        if before is None and self._route.window is not None:
            window.believe(self._route.window)
        if window.is_sliding or self._route.window is None:
            self._route.window = window
        if self.gate.share.weight > 1:
            window.spend_elsewhere(self.gate.share.weight - 1)

    def lose(self, now: float) -> None:
        """A request of another process was in flight when that process ended."""
        self.completions += 1
        self._count_unseen(None, now)

    def take_turns(self, now: float) -> None:
        """From now on nobody says who goes first, and the window has no room for all: we go by rank."""
        window, share = self.window, self.gate.share
        if window is not None and window.limit < share.weight:
            first_at = max(now, window.full_at)
            self.paused_until = max(self.paused_until, first_at + share.rank * window.period)

    def row(self, ahead: float) -> list[Any]:
        """Everything learned, as JSON values; times on a clock that is `ahead` of ours by so many seconds."""
        return [
            self.completions,
            self.is_unlimited,
            self.paused_until + ahead,
            self.is_cautious,
            self.cautious_until + ahead,
            None if self.window is None else self.window.row(ahead),
            [window.row(ahead) for window in self._beside or ()],
        ]

    def restore(self, row: list[Any], ahead: float) -> None:
        """Takes over what `row` wrote down."""
        self.completions, self.is_unlimited, self.is_cautious = row[0], row[1], row[3]
        self.paused_until, self.cautious_until = row[2] - ahead, row[4] - ahead
        self.window = None if row[5] is None else Window.of_row(row[5], ahead)
        self._beside = [Window.of_row(each, ahead) for each in row[6]] or None
        if self.window is not None and (self.window.is_sliding or self._route.window is None):
            self._route.window = self.window

    def join(self, row: list[Any], ahead: float) -> None:
        """Puts together what `row` wrote down and what was learned apart from it: whatever is later holds."""
        window, paused_until, cautious_until = self.window, self.paused_until, self.cautious_until
        self.restore(row, ahead)
        self.paused_until = max(self.paused_until, paused_until)
        self.cautious_until = max(self.cautious_until, cautious_until)
        if window is not None and (self.window is None or window.full_at > self.window.full_at):
            self.window = window

    def _window_opens_at(self, window: Window, now: float) -> float:
        return window.open_at(now, self.gate.share.claimed(self.in_flight, window.limit))

    def is_forgettable(self, now: float, idle_seconds: float) -> bool:
        """Whether nothing would be lost: idle for long, nobody waits, every window is full again."""
        if now - self.last_used_at < idle_seconds or self.in_flight_here or self.waiting:
            return False
        if self.paused_until > now or (self.window is not None and not self.window.is_full(now)):
            return False
        return self._beside is None or all(window.is_full(now) for window in self._beside)

    def _goes_alone(self, now: float) -> bool:
        if self.window is None and not self.is_unlimited:
            return True
        return self.is_cautious or now < self.cautious_until

    def _rest(self, permit: "BucketPermit", seen: Observation, now: float) -> None:
        if seen.status != TOO_MANY_REQUESTS or seen.scope in {"global", "cloudflare"}:
            return
        wait = seen.retry_after_seconds
        wait = (seen.reset_after_seconds or UNTOLD_SECONDS) if wait is None else wait
        turn = 0.0 if seen.scope == "shared" else self.gate.share.rank * wait
        self.paused_until = max(self.paused_until, now + wait + MARGIN_SECONDS + turn)
        self.is_cautious = True
        if seen.scope == "shared":
            return
        if self._is_hidden(seen):
            self.cautious_until = self.paused_until + min(wait, LONGEST_CAUTION_SECONDS)
        elif self.window is not None and seen.reset_after_seconds is not None:
            self.window.surprise(seen, permit.sent_at, now)

    def _is_hidden(self, seen: Observation) -> bool:
        known = None if self.window is None else self.window.hash
        return bool(seen.remaining) or (known is not None and seen.bucket is not None and seen.bucket != known)

    def _count_unseen(self, seen: Observation | None, now: float) -> None:
        if self.window is None:
            if seen is not None and 200 <= seen.status < 300:
                self.is_unlimited, self.is_cautious = True, False
            return
        self.is_cautious = True
        for window in (self.window, *(self._beside or ())):
            window.spend_unseen(now)

    def _window_of(self, seen: Observation, now: float) -> Window:
        """The window the reply speaks of; it becomes the one that is asked first."""
        limit, window = seen.limit or 1, self.window
        if window is not None and window.hash in {None, seen.bucket} and window.limit == limit:
            return window
        found = self._from_beside(seen.bucket, limit, now) or self._new_window(limit, seen)
        if window is not None and not window.is_full(now):
            self._beside = [window, *(self._beside or ())][:MOST_BESIDE]
        self.window = found
        return found

    def _new_window(self, limit: int, seen: Observation) -> Window:
        window = Window(max(1, limit), seen.bucket)
        self.is_unlimited = False
        return window

    def _from_beside(self, name: str | None, limit: int, now: float) -> Window | None:
        for window in self._beside_at(now):
            if window.hash == name and window.limit == limit and self._beside is not None:
                self._beside.remove(window)
                return window
        return None

    def _beside_at(self, now: float) -> list[Window]:
        """The other windows that are not full again."""
        left = [window for window in self._beside or () if not window.is_full(now)]
        self._beside = left or None
        return left

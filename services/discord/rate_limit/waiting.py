"""The waiting room: who may wait, for how long, and how waiting ends without a permit.

Bounds are per bucket and per caller, so one caller or one slow channel cannot fill it, and a caller's messages cannot
keep out its bans. All deadlines share
one timer. A waiter leaves by being let go, refused or cancelled; whichever comes first, and nothing of it
stays behind.
"""

from collections.abc import Callable

from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.observer import Observer
from services.discord.rate_limit.queue import Deadlines, Line, Waiter
from services.discord.rate_limit.timers import Alarm, Timers
from services.errors import ActionError, DiscordUnavailable, Overloaded, RateLimited
from services.ports import Priority


class WaitingRoom:
    """Every waiter, by bucket, caller and deadline."""

    def __init__(
        self,
        timers: Timers,
        observer: Observer,
        *,
        per_bucket: int,
        per_caller: int,
        on_deadlines: Callable[[], None],
    ) -> None:
        self.deadlines = Deadlines()
        self._observer = observer
        self._per_bucket = per_bucket
        self._per_caller = per_caller
        self._by_caller: dict[str, int] = {}
        self._by_bucket: dict[Bucket, int] = {}
        self._alarm = Alarm(timers, on_deadlines)

    def __len__(self) -> int:
        return len(self.deadlines)

    @property
    def caller_count(self) -> int:
        return len(self._by_caller)

    @property
    def crowded(self) -> dict[Bucket, int]:
        """How many wait for each bucket."""
        return self._by_bucket

    def check_bounds(self, bucket: Bucket, priority: Priority, client_id: str, retry_after_seconds: float) -> None:
        """Raises Overloaded when the bucket's queue or the caller's is full."""
        if self._by_bucket.get(bucket, 0) >= priority.room_in(self._per_bucket):
            self._overloaded("Too many actions wait for this limit of Discord's.", retry_after_seconds)
        if self._by_caller.get(client_id, 0) >= priority.room_in(self._per_caller):
            self._overloaded("Too many of your actions wait for Discord's limits.", retry_after_seconds)

    def enter(self, waiter: Waiter) -> None:
        """Starts to wait, in the bucket's line."""
        self._by_caller[waiter.client_id] = self._by_caller.get(waiter.client_id, 0) + 1
        self._by_bucket[waiter.bucket] = self._by_bucket.get(waiter.bucket, 0) + 1
        self.deadlines.push(waiter)
        self._watch()
        _line_up(waiter)

    def step_out(self, waiter: Waiter) -> None:
        """Leave may be given by somebody who has yet to answer: the next in line is the next to ask for."""
        waiter.is_asked_for = True
        bucket = waiter.bucket
        if bucket.line is not None:
            bucket.line.take_out(waiter)
            if not bucket.line:
                bucket.line = None

    def step_back(self, waiter: Waiter) -> None:
        """Leave was not given: back to the old place in line."""
        waiter.is_asked_for = False
        _line_up(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Waits no longer, for whatever reason."""
        waiter.is_waiting = False
        self.deadlines.left()
        _lower(self._by_caller, waiter.client_id)
        _lower(self._by_bucket, waiter.bucket)
        if waiter.bucket.line is not None and not waiter.is_asked_for:
            waiter.bucket.line.left(waiter)
            if not waiter.bucket.line:
                waiter.bucket.line = None

    def refuse(self, waiter: Waiter, error: ActionError) -> None:
        """Ends the wait with an error."""
        self.leave(waiter)
        self.tell(error)
        if not waiter.future.done():
            waiter.future.set_exception(error)

    def tell(self, error: ActionError) -> None:
        if isinstance(error, RateLimited | Overloaded | DiscordUnavailable):
            self._observer.refused(error.code.slug)

    def due(self, now: float) -> list[Waiter]:
        """Those whose deadline has come; the alarm is set for the next."""
        found = self.deadlines.due(now)
        self._watch()
        return found

    def close(self) -> None:
        self._alarm.stop()

    def _watch(self) -> None:
        next_at = self.deadlines.next_at()
        if next_at is not None:
            self._alarm.set(next_at)

    def _overloaded(self, detail: str, retry_after_seconds: float) -> None:
        error = Overloaded(detail, retry_after_seconds=retry_after_seconds)
        self.tell(error)
        raise error


def _line_up(waiter: Waiter) -> None:
    bucket = waiter.bucket
    if bucket.line is None:
        bucket.line = Line()
    bucket.line.push(waiter)


def _lower[K](counts: dict[K, int], key: K) -> None:
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]

"""Who goes next. Called whenever something changed: a newcomer, a reply, an alarm.

`evaluate` asks one bucket whether the first of its line may go, and offers it to the gate or sets the
bucket's alarm. `pump` lets the offered through the gate, in order. A bucket is asked again at that moment:
another one of its channel may have gone first.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.gate import Gate
from services.discord.rate_limit.observer import Observer
from services.discord.rate_limit.permit import BucketPermit, Completions, Leases
from services.discord.rate_limit.queue import Waiter
from services.discord.rate_limit.timers import Alarm, Timers
from services.discord.rate_limit.waiting import WaitingRoom
from services.errors import ActionError

EPSILON_SECONDS: Final = 1e-6
"""An alarm may ring this much before its time; all margins are larger."""


class Registrar(Protocol):
    """Whoever has the last word on what leaves, because others use the same allowance."""

    def ask(self, waiter: Waiter, permit: BucketPermit) -> None:
        """There is room by all that is known here. `Dispatcher.grant` or `deny` follows."""
        ...

    def watch(self, bucket: Bucket) -> None:
        """A bucket can go on when something is in flight no longer: perhaps not ours."""
        ...


class Dispatcher:
    """Moves waiters through their bucket and the gate."""

    def __init__(
        self,
        room: WaitingRoom,
        leases: Leases,
        observer: Observer,
        *,
        timers: Timers,
        now: Callable[[], float],
    ) -> None:
        self._room = room
        self._leases = leases
        self._observer = observer
        self._timers = timers
        self._now = now
        self._alarms: dict[Gate, Alarm] = {}
        self.registrar: Registrar | None = None

    def is_open(self, bucket: Bucket, now: float) -> bool:
        """Whether a newcomer may go at once: nobody waits, in the bucket or at the gate, both have room, and
        nobody else has to be asked.
        """
        if self.registrar is not None or bucket.line is not None or bucket.gate.first() is not None:
            return False
        latest = now + EPSILON_SECONDS
        return bucket.open_at(now) <= latest and bucket.gate.open_at(now) <= latest

    def issue(self, completions: Completions, bucket: Bucket, now: float) -> BucketPermit:
        """Takes the room a request needs."""
        permit = BucketPermit(completions, bucket, now)
        bucket.in_flight += 1
        if bucket.channel is not None:
            bucket.channel.take()
        bucket.gate.take(permit)
        self._leases.grant(permit)
        return permit

    def evaluate(self, bucket: Bucket, now: float) -> None:
        """Offers the first of the bucket's line to the gate, or waits until it may go."""
        first = None if bucket.line is None else bucket.line.first()
        if first is None:
            self._rest(bucket)
        elif (opens_at := bucket.open_at(now)) <= now + EPSILON_SECONDS:
            bucket.gate.recount(bucket, bucket.room(now), first.priority)
            bucket.gate.offer(first)
        else:
            self._hold_back(bucket, opens_at)

    def evaluate_channel(self, bucket: Bucket, now: float) -> None:
        """Asks the other buckets of the same channel: its ceiling has moved."""
        channel = bucket.channel
        if channel is None or channel.blocked is None:
            return
        blocked, channel.blocked = channel.blocked, None
        for other in blocked:
            self.evaluate(other, now)

    def pump(self, gate: Gate, now: float) -> None:
        """Lets pass whoever may."""
        while (first := gate.first()) is not None:
            opens_at = gate.open_at(now)
            if opens_at > now + EPSILON_SECONDS:
                self._set(gate, opens_at)
                return
            if first.bucket.open_at(now) <= now + EPSILON_SECONDS:
                self._let_go(first, now)
            self.evaluate(first.bucket, now)

    def withdraw(self, waiter: Waiter, error: ActionError | None, now: float) -> None:
        """Ends a wait without a permit: `error` says why, None that the waiter left by itself."""
        if error is not None:
            self._room.refuse(waiter, error)
        else:
            self._room.leave(waiter)
        self.evaluate(waiter.bucket, now)

    def close(self) -> None:
        for alarm in self._alarms.values():
            alarm.stop()

    def _let_go(self, waiter: Waiter, now: float) -> None:
        if waiter.future.done():  # cancelled this instant; its task has not run yet
            self.withdraw(waiter, None, now)
            return
        permit = self.issue(waiter.completions, waiter.bucket, now)
        if self.registrar is None:
            self._hand_over(waiter, permit, now)
            return
        self._room.step_out(waiter)
        self.registrar.ask(waiter, permit)

    def grant(self, waiter: Waiter, permit: BucketPermit, now: float) -> None:
        """The registrar agrees. The waiter may have left meanwhile."""
        if waiter.is_waiting and waiter.future.done():
            self.withdraw(waiter, None, now)
        if waiter.is_waiting:
            self._hand_over(waiter, permit, now)
        else:
            permit.drop()

    def deny(self, waiter: Waiter, permit: BucketPermit) -> None:
        """The registrar knows of something we did not: nothing was taken. The caller evaluates and pumps."""
        permit.has_ended = permit.is_reported = True
        self.untake(permit)
        if waiter.is_waiting:
            self._room.step_back(waiter)

    def untake(self, permit: BucketPermit) -> None:
        """Gives back the room a request took here."""
        bucket = permit.bucket
        bucket.in_flight -= 1
        if bucket.channel is not None:
            bucket.channel.give_back()
        bucket.gate.give_back(permit)

    def _hand_over(self, waiter: Waiter, permit: BucketPermit, now: float) -> None:
        self._room.leave(waiter)
        self._observer.waited(now - waiter.since, waiter.priority)
        waiter.permit = permit
        waiter.future.set_result(permit)

    def _rest(self, bucket: Bucket) -> None:
        """Nobody waits for the bucket."""
        bucket.offered = None
        bucket.gate.recount(bucket, 0, 0)
        if bucket.alarm is not None:
            bucket.alarm.stop()
        if bucket.channel is not None and bucket.channel.blocked is not None:
            bucket.channel.blocked.pop(bucket, None)

    def _hold_back(self, bucket: Bucket, opens_at: float) -> None:
        bucket.offered = None
        bucket.gate.recount(bucket, 0, 0)
        if bucket.channel is not None:
            bucket.channel.blocked = bucket.channel.blocked or {}
            bucket.channel.blocked[bucket] = None
        if bucket.alarm is None:
            bucket.alarm = Alarm(self._timers, partial(self._ring, bucket))
        if opens_at < float("inf"):
            bucket.alarm.set(opens_at)
        else:
            bucket.alarm.stop()
        if self.registrar is not None:
            self.registrar.watch(bucket)

    def _ring(self, bucket: Bucket) -> None:
        now = self._now()
        self.evaluate(bucket, now)
        self.pump(bucket.gate, now)

    def _set(self, gate: Gate, opens_at: float) -> None:
        alarm = self._alarms.get(gate)
        if alarm is None:
            alarm = self._alarms[gate] = Alarm(self._timers, lambda: self.pump(gate, self._now()))
        if opens_at < float("inf"):
            alarm.set(opens_at)
        else:
            alarm.stop()

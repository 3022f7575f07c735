"""The last word on what leaves: one exchange with Redis at a time, with everything that has gathered since the last.

A request for which there is room by all that is known here is *asked for*: the script grants it if the lane in Redis
still is in the version our knowledge continues and no more of it is in flight than we counted. If not, Redis tells
what is there, and the question is asked anew (`lanes`). So there is one implementation of the windows, here in
Python, and Redis decides who may continue which version.

Exchanges are never concurrent. While one is under way the next gathers, so many waiters share one round trip, and
what a reply taught is always written before anything is asked on the strength of it.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, Final, Protocol

from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.gate import Gate
from services.discord.rate_limit.permit import BucketPermit
from services.discord.rate_limit.port import Observation
from services.discord.rate_limit.queue import Waiter
from services.discord.rate_limit.shared.lanes import Lanes
from services.discord.rate_limit.shared.parcel import COOLING_MILLISECONDS, LEASE_MILLISECONDS, MOST_ASKS, Ask, Parcel
from services.ports import Clock

FIRST_LOOK_SECONDS: Final = 0.002
LONGEST_LOOK_SECONDS: Final = 0.04
MOST_VERSIONS: Final = 256
"""How many lanes one exchange writes; more gather only while Redis is away."""

type PauseNames = tuple[tuple[str, str], tuple[str, str]]


class Core(Protocol):
    """What the ledger needs of the limiter it has the last word in."""

    @property
    def crowded(self) -> Mapping[Bucket, int]:
        """The buckets somebody waits for."""
        ...

    def granted(self, waiter: Waiter, permit: BucketPermit) -> None: ...

    def denied(self, waiter: Waiter, permit: BucketPermit) -> None: ...

    def move_on(self, touched: list[Bucket]) -> None:
        """These buckets may have changed: ask them again, and let pass whoever may."""
        ...


class Ledger:
    """What was not told to Redis yet. Fulfils `dispatch.Registrar`."""

    def __init__(self, core: Core, token_gate: Gate, replica: str, clock: Clock) -> None:
        self.lanes = Lanes(replica, clock)
        self.wake = asyncio.Event()
        self._core = core
        self._token_gate = token_gate
        self._clock = clock
        self._asks: deque[Ask] = deque()
        self._landed: list[tuple[str, Bucket, float, bool]] = []
        self._places: dict[str, float] = {}
        self._watched: dict[Bucket, None] = {}
        self._aloft: dict[str, BucketPermit] = {}
        self._apart: dict[Bucket, None] = {}
        self._numbers = 0
        self._look_pause_seconds = FIRST_LOOK_SECONDS
        self._look_at = 0.0

    @property
    def has_work(self) -> bool:
        gathered = self._asks or self.lanes.dirty or self._landed or self._places
        return bool(gathered) or self._must_look(self._clock.monotonic())

    @property
    def next_look_in(self) -> float | None:
        """Seconds until others' flights should be looked at again; None: nobody waits for one."""
        return max(0.0, self._look_at - self._clock.monotonic()) if self._watched else None

    @property
    def aloft(self) -> list[str]:
        """Our requests that hold a place of the token and may not have arrived yet."""
        self._aloft = {flight: permit for flight, permit in self._aloft.items() if not permit.has_landed}
        return list(self._aloft)

    def ask(self, waiter: Waiter, permit: BucketPermit) -> None:
        permit.flight = self._new_name()
        bucket = permit.bucket
        self.lanes.of(bucket)
        self._asks.append(Ask(waiter, permit, bucket.in_flight - 1, bucket.completions))
        self.wake.set()

    def watch(self, bucket: Bucket) -> None:
        if bucket in self._watched or not self.lanes.of(bucket).elsewhere:
            return
        if not self._watched:
            self._look_pause_seconds = FIRST_LOOK_SECONDS
            self._look_at = self._clock.monotonic()
        self._watched[bucket] = None
        self.wake.set()

    def landed(self, permit: BucketPermit, seen: Observation | None) -> None:
        """A request was answered, or given up as lost."""
        permit.flight = permit.flight or self._new_name()  # it left while Redis was away
        self._aloft.pop(permit.flight, None)
        self._landed.append((permit.flight, permit.bucket, COOLING_MILLISECONDS, False))
        self.lanes.landed(permit, seen)
        self.wake.set()

    def dropped(self, permit: BucketPermit) -> None:
        """A request was never sent."""
        if permit.flight:
            self._aloft.pop(permit.flight, None)
            self._landed.append((permit.flight, permit.bucket, 0.0, True))
            self.wake.set()

    def ended_alone(self, permit: BucketPermit) -> None:
        """A request ended while Redis was away: its place, if Redis still knows it, is told of otherwise."""
        self._apart[permit.bucket] = None
        if self._aloft.pop(permit.flight, None) is not None:
            self._places[permit.flight] = 0.0

    def deposit(self, cooling: list[float]) -> None:
        """Redis is back: it gets to know our places, those taken while it was away among them (when they end)."""
        for free_at in cooling:
            self._places[self._new_name()] = free_at
        now = self._clock.monotonic()
        for bucket in self._apart:
            self.lanes.of(bucket).is_divergent = True
            self.lanes.dirty[bucket] = None
        self._apart = {}
        self._places |= dict.fromkeys(self.aloft, now + LEASE_MILLISECONDS / 1000)
        self.wake.set()

    def lose_the_gone(self, replica: str, buckets: Collection[Bucket]) -> None:
        """A replica is gone: what it had in flight counts as sent."""
        for bucket in buckets:
            self.lanes.lose(bucket, replica)
        self._core.move_on(list(buckets))

    def pack(self, parcel: Parcel, pauses: PauseNames) -> None:
        """Puts everything that has gathered into the parcel. `pauses`: what stops the token, what the webhooks."""
        self._withdraw_the_outdated()
        self._pack_places(parcel)
        versions = self._pack_versions(parcel)
        while self._asks and len(parcel.asks) < MOST_ASKS:
            ask = self._asks.popleft()
            bucket = ask.permit.bucket
            remote = self.lanes.of(bucket)
            parcel.add_ask(ask, remote, versions.get(bucket, remote.version), pauses[bucket.gate.is_for_webhooks])
        if self._must_look(self._clock.monotonic()):
            self._pack_looks(parcel, versions)

    def unpack(self, parcel: Parcel, reply: Mapping[str, Any]) -> None:
        """Learns what came back, and lets everybody go on."""
        now = self._clock.monotonic()
        touched: dict[Bucket, None] = {}
        for settled, told in zip(parcel.settled, reply["settled"] or (), strict=True):
            self.lanes.settle(settled.bucket, settled.version, settled.landings, told)
        if self._token_gate.places is not None:
            opens = [now + milliseconds / 1000 for milliseconds in reply["opens"] or ()]
            self._token_gate.places.are([now] * int(reply["free"]) + opens, now, used=int(reply["used"]))
        for ask, told in zip(tuple(parcel.asks), reply["asks"] or (), strict=True):
            parcel.asks.popleft()
            self._answer(ask, told, now)
            touched[ask.permit.bucket] = None
        for bucket, told in zip(parcel.looks, reply["looks"] or (), strict=True):
            if told:
                self.lanes.adopt(bucket, told)
                touched[bucket] = None
        for bucket in touched:
            self._watched.pop(bucket, None)
        self._core.move_on(list(touched))

    def take_back(self, parcel: Parcel | None, replica: str) -> None:
        """Nobody answers: whoever was asked for stands in line again. The next life has another name."""
        asks = [*(parcel.asks if parcel else ()), *self._asks]
        self._asks.clear()
        if parcel is not None:
            parcel.asks.clear()
        self._watched, self._landed = {}, []
        self.lanes.begin_life(replica)
        for ask in asks:
            ask.permit.flight = ""
            self._core.denied(ask.waiter, ask.permit)

    def _new_name(self) -> str:
        self._numbers += 1
        return f"{self.lanes.replica}:{self._numbers}"

    def _must_look(self, now: float) -> bool:
        return bool(self._watched) and now >= self._look_at

    def _withdraw_the_outdated(self) -> None:
        """Replies came since these were asked for: decide again."""
        outdated = [ask for ask in self._asks if ask.completions != ask.permit.bucket.completions]
        if not outdated:
            return
        self._asks = deque(ask for ask in self._asks if ask.completions == ask.permit.bucket.completions)
        for ask in outdated:
            ask.permit.flight = ""
            self._core.denied(ask.waiter, ask.permit)
        self._core.move_on(list(dict.fromkeys(ask.permit.bucket for ask in outdated)))

    def _pack_places(self, parcel: Parcel) -> None:
        now = self._clock.monotonic()
        for flight, free_at in self._places.items():
            parcel.add_place(flight, max(0.0, free_at - now) * 1000)
        for flight, bucket, milliseconds, is_gone in self._landed:
            parcel.add_landing(flight, bucket, milliseconds, is_gone=is_gone)
        self._places, self._landed = {}, []

    def _pack_versions(self, parcel: Parcel) -> dict[Bucket, str]:
        lanes = self.lanes
        versions: dict[Bucket, str] = {}
        for bucket in list(islice(lanes.dirty, MOST_VERSIONS)):
            del lanes.dirty[bucket]
            versions[bucket] = self._new_name()
            row = bucket.row(lanes.time.ahead_seconds)
            parcel.add_settled(bucket, lanes.of(bucket), versions[bucket], row, lanes.kept_milliseconds(bucket))
        return versions

    def _pack_looks(self, parcel: Parcel, versions: Mapping[Bucket, str]) -> None:
        self._watched = {bucket: None for bucket in self._watched if bucket.line is not None}
        for bucket in self._watched:
            remote = self.lanes.of(bucket)
            parcel.add_look(bucket, remote, versions.get(bucket, remote.version))
        self._look_pause_seconds = min(self._look_pause_seconds * 1.5, LONGEST_LOOK_SECONDS)
        self._look_at = self._clock.monotonic() + self._look_pause_seconds

    def _answer(self, ask: Ask, told: Any, now: float) -> None:
        waiter, permit = ask.waiter, ask.permit
        if told is True:
            if permit.bucket.gate.limit is not None:
                self._aloft[permit.flight] = permit
            self._core.granted(waiter, permit)
            return
        permit.flight = ""
        self._core.denied(waiter, permit)
        if told["why"] == "lane":
            self.lanes.adopt(permit.bucket, told["lane"])
        elif told["why"] == "ceiling" and permit.bucket.channel is not None:
            permit.bucket.channel.not_before = now + told["ms"] / 1000

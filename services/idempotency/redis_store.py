"""Keys in Redis, shared by all replicas.

Who holds a key holds a lease on it, renewed while its request runs. The lease of a process that died runs out, and the
next request with the key finds an orphan. A process that could not renew in time (it was paused, or cut off from Redis)
must count its lease as lost a little before Redis does: then `holds` says no, and what is not sent yet stays unsent.

What Redis forgets, the module forgets: it needs `maxmemory-policy noeviction` or `volatile-ttl`, and a disk (AOF) where
answers must survive its restart. A place takes up to 1 000 bytes; a caller has at most MOST_KEYS_PER_CALLER. What still
runs when Redis comes back empty is claimed again.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final

from services.errors import IdempotencyMismatch, Overloaded
from services.idempotency.answers import from_text, to_text
from services.idempotency.scripts import CLAIM, RENEW, RUNNING, SETTLE
from services.idempotency.store import IdempotencyKeys
from services.idempotency.table import KEPT_SECONDS, MISMATCH, NO_ROOM, RETRY_SOON_SECONDS, KeysAway, Place
from services.lasting_tasks import lasting
from services.ports import Clock, Ending, First, Orphaned, Replay, Unsettled
from services.redis_link import RedisAway, RedisLink, Script

LEASE_SECONDS: Final = 15.0
MOST_KEYS_PER_CALLER: Final = 100_000
RENEWALS_PER_LEASE: Final = 3
EARLIER_LOST_SHARE: Final = 0.1
"""The part of a lease by which its holder counts it as lost before Redis does."""
PLACES_AT_ONCE: Final = 500
PAUSE_WHILE_AWAY_SECONDS: Final = 0.25


@dataclass(slots=True)
class _Lease:
    owner: str
    fingerprint: str
    began: float
    lost_at: float


class RedisTable:
    """A table in Redis."""

    def __init__(
        self,
        link: RedisLink,
        clock: Clock,
        *,
        lease_seconds: float = LEASE_SECONDS,
        kept_seconds: float = KEPT_SECONDS,
        most_keys_per_caller: int = MOST_KEYS_PER_CALLER,
    ) -> None:
        self._link = link
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._kept_seconds = kept_seconds
        self._most_keys = most_keys_per_caller
        self._leases: dict[Place, _Lease] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._renewing = lasting(self._renew_for_ever, "idempotency-leases")

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait((self._renewing,))

    async def claim(self, place: Place, fingerprint: str, owner: str) -> First | Replay | Orphaned | None:
        asked = self._clock.monotonic()
        reply = await self._claim(place, fingerprint, owner, age_seconds=0.0)
        match reply:
            case ["mismatch"]:
                raise IdempotencyMismatch(MISMATCH)
            case ["full"]:
                raise Overloaded(NO_ROOM, retry_after_seconds=RETRY_SOON_SECONDS)
            case ["replay", text]:
                return Replay(from_text(text))
            case ["running"]:
                return None
            case ["orphaned", first, age_ms]:
                claimed = Orphaned(first, int(age_ms) / 1000)
                self._leases[place] = self._lease(owner, fingerprint, asked - claimed.age_seconds, asked)
                return claimed
        self._leases[place] = self._lease(owner, fingerprint, asked, asked)
        return First()

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        if (lease := self._leases.get(place)) is not None and lease.owner == owner:
            del self._leases[place]
        is_unsettled = isinstance(ending, Unsettled)
        answer = ending.answer if isinstance(ending, Unsettled) else ending
        kept = () if answer is None else (to_text(answer), int(is_unsettled))
        await self._run(
            SETTLE, self._names(place), (fingerprint, owner, place.key, _milliseconds(self._kept_seconds), *kept)
        )

    async def running(self, places: Collection[Place]) -> set[Place]:
        asked = tuple(places)
        replies = await self._run(RUNNING, [self._name(place) for place in asked], ())
        return {place for place, is_running in zip(asked, replies, strict=True) if is_running}

    def holds(self, place: Place, owner: str) -> bool:
        lease = self._leases.get(place)
        return lease is not None and lease.owner == owner and self._clock.monotonic() < lease.lost_at

    async def _claim(self, place: Place, fingerprint: str, owner: str, age_seconds: float) -> Any:
        bounds = (_milliseconds(self._lease_seconds), _milliseconds(self._kept_seconds), self._most_keys)
        given = (fingerprint, owner, place.key, self._name(Place(place.caller, "")), *bounds)
        return await self._run(CLAIM, self._names(place), (*given, _milliseconds(age_seconds)))

    # ── leases ──

    def _lease(self, owner: str, fingerprint: str, began: float, asked: float) -> _Lease:
        return _Lease(owner, fingerprint, began, self._lost_at(asked))

    def _lost_at(self, asked: float) -> float:
        return asked + self._lease_seconds * (1 - EARLIER_LOST_SHARE)

    async def _renew_for_ever(self) -> None:
        pause_seconds = self._lease_seconds / RENEWALS_PER_LEASE
        while True:
            await asyncio.sleep(pause_seconds)
            pause_seconds = self._lease_seconds / RENEWALS_PER_LEASE
            try:
                for held in batched(tuple(self._leases.items()), PLACES_AT_ONCE, strict=False):
                    await self._renew(dict(held))
            except KeysAway:
                pause_seconds = min(PAUSE_WHILE_AWAY_SECONDS, pause_seconds)

    async def _renew(self, held: dict[Place, _Lease]) -> None:
        asked = self._clock.monotonic()
        names = [self._name(place) for place in held]
        owners = [lease.owner for lease in held.values()]
        replies = await self._run(RENEW, names, (_milliseconds(self._lease_seconds), *owners))
        for (place, lease), reply in zip(held.items(), replies, strict=True):
            if reply == "held":
                lease.lost_at = self._lost_at(asked)
            elif reply == "taken":
                lease.lost_at = asked
            elif self._leases.get(place) is lease:
                await self._claim_again(place, lease)

    async def _claim_again(self, place: Place, lease: _Lease) -> None:
        """Redis has lost the place while its request runs."""
        asked = self._clock.monotonic()
        reply = await self._claim(place, lease.fingerprint, lease.owner, asked - lease.began)
        if reply[0] in {"first", "orphaned"}:
            lease.lost_at = self._lost_at(asked)
        else:
            lease.lost_at = asked
        if self._leases.get(place) is not lease:  # it ended meanwhile
            await self.settle(place, lease.fingerprint, lease.owner, None)

    # ── Redis ──

    def _name(self, place: Place) -> str:
        return self._link.key("answer", place.key)

    def _names(self, place: Place) -> tuple[str, str]:
        return self._name(place), self._link.key("answers", place.caller)

    async def _run(self, script: Script, keys: Collection[str], args: Collection[str | int]) -> Any:
        try:
            return await self._link.run(script, tuple(keys), tuple(args))
        except RedisAway as exc:
            raise KeysAway(exc.reason, may_have_claimed=exc.was_sent) from exc


class RedisIdempotencyStore(IdempotencyKeys):
    """Keys shared by every replica that speaks to the same Redis for the same bot."""

    def __init__(self, link: RedisLink, clock: Clock, **bounds: Any) -> None:
        super().__init__(RedisTable(link, clock, **bounds), clock)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)

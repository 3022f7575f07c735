"""Keys and answers in this process's memory.

Good for one replica while it lives: a restart forgets, and replicas do not know of each other. The number of keys is
bounded; when it is full the oldest answered one of the caller that has most is forgotten first, so that nobody pushes
out the keys of others. A key whose request still runs is never forgotten.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from typing import Final

from services.errors import IdempotencyMismatch, Overloaded
from services.idempotency.store import IdempotencyKeys
from services.idempotency.table import KEPT_SECONDS, MISMATCH, NO_ROOM, RETRY_SOON_SECONDS, Place
from services.ports import Answer, Clock, Ending, First, Orphaned, Replay, Unsettled

MOST_KEYS: Final = 100_000


@dataclass(slots=True)
class _Slot:
    fingerprint: str
    owner: str
    expires: float
    first: str
    began: float
    answer: Answer | None = None
    is_inherited: bool = False
    is_orphan: bool = False

    @property
    def is_running(self) -> bool:
        return self.answer is None and not self.is_orphan


class InProcessTable:
    """A table in memory."""

    def __init__(self, clock: Clock, most_keys: int = MOST_KEYS, kept_seconds: float = KEPT_SECONDS) -> None:
        self._clock = clock
        self._most_keys = most_keys
        self._kept_seconds = kept_seconds
        self._slots: OrderedDict[Place, _Slot] = OrderedDict()
        self._by_caller: dict[str, dict[Place, None]] = {}

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def claim(self, place: Place, fingerprint: str, owner: str) -> First | Replay | Orphaned | None:
        self._forget_expired()
        now = self._clock.monotonic()
        if (slot := self._slots.get(place)) is None:
            self._make_room(place.caller)
            self._slots[place] = _Slot(fingerprint, owner, now + self._kept_seconds, first=owner, began=now)
            self._by_caller.setdefault(place.caller, {})[place] = None
            return First()
        if slot.fingerprint != fingerprint:
            raise IdempotencyMismatch(MISMATCH)
        if slot.is_orphan:
            slot.owner, slot.is_orphan, slot.is_inherited = owner, False, True
            return Orphaned(slot.first, now - slot.began)
        return None if slot.answer is None else Replay(slot.answer)

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        slot = self._slots.get(place)
        if slot is None or slot.owner != owner or not slot.is_running:
            return
        if isinstance(ending, Answer):
            slot.answer = ending
        elif slot.is_inherited or isinstance(ending, Unsettled):
            slot.is_orphan = True
        else:
            self._remove(place)

    async def running(self, places: Collection[Place]) -> set[Place]:
        return {place for place in places if (slot := self._slots.get(place)) is not None and slot.is_running}

    def holds(self, place: Place, owner: str) -> bool:
        return True

    def _forget_expired(self) -> None:
        """Forgets what is older than a day; what still runs then is looked at again when it is answered."""
        now = self._clock.monotonic()
        while self._slots:
            place, oldest = next(iter(self._slots.items()))
            if oldest.expires > now:
                return
            if oldest.is_running:
                oldest.expires = now + self._kept_seconds
                self._slots.move_to_end(place)
            else:
                self._remove(place)

    def _make_room(self, caller: str) -> None:
        """Of those that have most, the one that asks for more goes first."""
        if len(self._slots) < self._most_keys:
            return
        _, busiest = max(self._by_caller.items(), key=lambda held: (len(held[1]), held[0] == caller))
        answered = next((place for place in chain(busiest, self._slots) if self._slots[place].answer is not None), None)
        if answered is None:
            raise Overloaded(NO_ROOM, retry_after_seconds=RETRY_SOON_SECONDS)
        self._remove(answered)

    def _remove(self, place: Place) -> None:
        del self._slots[place]
        del self._by_caller[place.caller][place]
        if not self._by_caller[place.caller]:
            del self._by_caller[place.caller]


class InProcessIdempotencyStore(IdempotencyKeys):
    """Keys for this process alone, while it lives."""

    def __init__(self, clock: Clock, most_keys: int = MOST_KEYS, kept_seconds: float = KEPT_SECONDS) -> None:
        super().__init__(InProcessTable(clock, most_keys, kept_seconds), clock)

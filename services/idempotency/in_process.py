"""Keys and answers in this process's memory.

Good for one replica while it lives: a restart forgets, and replicas do not know of each other. The number of keys is
bounded; when it is full the oldest answered one is forgotten first. A key whose request still runs is never forgotten.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from services.errors import IdempotencyInProgress, IdempotencyMismatch, Overloaded
from services.ports import Answer, Clock, IdempotencyClaim

KEPT_SECONDS: Final = 24 * 3600.0
MOST_KEYS: Final = 100_000
RETRY_SOON_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Slot:
    fingerprint: str
    expires: float
    answer: Answer | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class InProcessIdempotencyStore:
    """Fulfils `services.ports.IdempotencyStore` for this process alone."""

    def __init__(self, clock: Clock, most_keys: int = MOST_KEYS) -> None:
        self._clock = clock
        self._most_keys = most_keys
        self._slots: OrderedDict[tuple[str, str], _Slot] = OrderedDict()

    async def begin(self, claim: IdempotencyClaim, action_id: str, deadline: float) -> Answer | None:
        """See the port. A first request that was not sent hands its key to one of those that wait."""
        self._forget_expired()
        place = (claim.client_id, claim.key)
        while (slot := self._slots.get(place)) is not None:
            if slot.fingerprint != claim.fingerprint:
                raise IdempotencyMismatch("The idempotency key was used for another request.")
            if slot.answer is not None:
                return slot.answer
            await self._wait(slot, deadline)
        self._make_room()
        self._slots[place] = _Slot(claim.fingerprint, self._clock.monotonic() + KEPT_SECONDS)
        return None

    async def finish(self, claim: IdempotencyClaim, answer: Answer | None) -> None:
        place = (claim.client_id, claim.key)
        slot = self._slots[place]
        if answer is None:
            del self._slots[place]
        slot.answer = answer
        slot.finished.set()

    async def _wait(self, slot: _Slot, deadline: float) -> None:
        try:
            async with asyncio.timeout(max(deadline - self._clock.monotonic(), 0)):
                await slot.finished.wait()
        except TimeoutError:
            raise IdempotencyInProgress(retry_after_seconds=RETRY_SOON_SECONDS) from None

    def _forget_expired(self) -> None:
        now = self._clock.monotonic()
        while self._slots:
            oldest = next(iter(self._slots.values()))
            if oldest.expires > now or oldest.answer is None:
                return
            self._slots.popitem(last=False)

    def _make_room(self) -> None:
        if len(self._slots) < self._most_keys:
            return
        answered = next((place for place, slot in self._slots.items() if slot.answer is not None), None)
        if answered is None:
            raise Overloaded("Too many idempotency keys are in use.", retry_after_seconds=RETRY_SOON_SECONDS)
        del self._slots[answered]

"""Waiting for requests that run in another process.

One question asks for all the places that anybody here waits for, however many wait, and only while somebody does. No
message has to arrive for it to work, so none can be lost.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import batched
from typing import Final

from services.idempotency.table import KeysAway, KeyTable, Place
from services.lasting_tasks import lasting

PAUSE_SECONDS: Final = 0.03
PAUSE_WHILE_AWAY_SECONDS: Final = 0.25
PLACES_AT_ONCE: Final = 500


@dataclass(slots=True)
class _Watched:
    waiters: int = 0
    may_be_done: asyncio.Event = field(default_factory=asyncio.Event)


class Elsewhere:
    """Wakes who waits for a place soon after its request has ended. Its owner calls `close`."""

    def __init__(self, table: KeyTable) -> None:
        self._table = table
        self._watched: dict[Place, _Watched] = {}
        self._asking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def waiting(self, place: Place) -> AsyncIterator[asyncio.Event]:
        """Watches the place for the length of the `async with`; the event says that it is worth claiming again."""
        watched = self._watched.setdefault(place, _Watched())
        watched.waiters += 1
        if self._asking is None or self._asking.done():
            self._asking = lasting(self._ask, "idempotency-elsewhere")
        try:
            yield watched.may_be_done
        finally:
            watched.waiters -= 1
            if not watched.waiters and self._watched.get(place) is watched:
                del self._watched[place]

    async def close(self) -> None:
        """Stops asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))

    async def _ask(self) -> None:
        pause_seconds = PAUSE_SECONDS
        while self._watched:
            await asyncio.sleep(pause_seconds)
            try:
                for places in batched(tuple(self._watched), PLACES_AT_ONCE, strict=False):
                    self._wake(set(places) - await self._table.running(places))
                pause_seconds = PAUSE_SECONDS
            except KeysAway:
                pause_seconds = PAUSE_WHILE_AWAY_SECONDS

    def _wake(self, places: set[Place]) -> None:
        for place in places:
            if (watched := self._watched.pop(place, None)) is not None:
                watched.may_be_done.set()

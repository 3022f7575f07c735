"""The places for requests in flight: as many as MAX_CONCURRENT_REQUESTS, moderation first where one must wait.

The line has an end. One caller may stand in half of it, so that while Discord is slow others still get in. Moderation
finds room beyond it.
"""

import asyncio
from collections import Counter
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from services.errors import DeadlineExceeded, Overloaded
from services.ports import Clock, Priority

WAITING_PER_SLOT: Final = 20
OVERLOADED_SECONDS: Final = 1.0

type Waiting = tuple[Priority, int, asyncio.Future[None]]


class Slots:
    """Hands out a bounded number of places; within a priority, first come, first served."""

    def __init__(self, number: int, clock: Clock) -> None:
        self._free = number
        self._clock = clock
        self._most_waiting = WAITING_PER_SLOT * number
        self._waiting: list[Waiting] = []
        self._waiting_of = Counter[str]()
        self._order = count()

    @property
    def free_count(self) -> int:
        return self._free

    @property
    def waiting_count(self) -> int:
        return len(self._waiting)

    async def take(self, priority: Priority, deadline: float, client_id: str) -> None:
        """Waits for a place until `deadline`. Raises DeadlineExceeded, or Overloaded when too many wait already."""
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= priority.room_in(self._most_waiting):
            raise Overloaded("Too many requests to Discord are waiting.", retry_after_seconds=OVERLOADED_SECONDS)
        if self._waiting_of[client_id] >= priority.room_in(self._most_waiting // 2):
            raise Overloaded("Too many of your requests to Discord wait.", retry_after_seconds=OVERLOADED_SECONDS)
        self._waiting_of[client_id] += 1
        try:
            await self._wait((priority, next(self._order), asyncio.get_running_loop().create_future()), deadline)
        finally:
            self._waiting_of[client_id] -= 1
            if not self._waiting_of[client_id]:
                del self._waiting_of[client_id]

    def give_back(self) -> None:
        """Gives the place to the next in line."""
        while self._waiting:
            _, _, granted = heappop(self._waiting)
            if not granted.done():
                granted.set_result(None)
                return
        self._free += 1

    async def _wait(self, waiting: Waiting, deadline: float) -> None:
        granted = waiting[2]
        heappush(self._waiting, waiting)
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await granted
        except BaseException as exc:
            self._forget(waiting)
            if isinstance(exc, TimeoutError):
                raise DeadlineExceeded from None
            raise

    def _forget(self, waiting: Waiting) -> None:
        granted = waiting[2]
        if granted.done() and not granted.cancelled():
            self.give_back()  # the place came at the very moment its taker left
        elif waiting in self._waiting:
            self._waiting.remove(waiting)
            heapify(self._waiting)

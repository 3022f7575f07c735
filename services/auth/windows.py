"""So many in a minute: counted by name, in this process or in Redis for all replicas.

A name's minute begins with the first that is counted, and when it is over the count begins anew. So never more than the
limit falls into one of these minutes, and who is refused is told when the next one begins.

Memory is bounded: past MOST_NAMES the window that began first is forgotten. While Redis is away, each replica counts
for itself, from what it counted before.
"""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from services.ports import Clock
from services.redis_link import RedisAway, RedisLink, Script

WINDOW_SECONDS: Final = 60.0
MOST_NAMES: Final = 20_000
ANY: Final = 2**53
"""A limit for what is counted without being asked whether there is room."""


@dataclass(slots=True)
class _Window:
    ends: float
    count: int = 0


class Windows:
    """Counts of this process."""

    def __init__(self, clock: Clock, *, most_names: int = MOST_NAMES) -> None:
        self._clock = clock
        self._most_names = most_names
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    async def take(self, name: str, limit: int, cost: int = 1) -> float:
        """Counts `cost` when less than `limit` is counted: 0 then, else the seconds until the next window."""
        return self._take(name, limit, cost)

    async def charge(self, name: str, cost: int) -> None:
        """Counts `cost`, whether there is room for it or not."""
        self._take(name, ANY, cost)

    def _take(self, name: str, limit: int, cost: int) -> float:
        now = self._clock.monotonic()
        window = self._windows.get(name)
        if window is None or now >= window.ends:
            window = self._begin(name, now)
        if window.count >= limit:
            return window.ends - now
        window.count += cost
        return 0.0

    def _begin(self, name: str, now: float) -> _Window:
        self._windows.pop(name, None)
        if len(self._windows) >= self._most_names:
            self._windows.popitem(last=False)
        window = self._windows[name] = _Window(now + WINDOW_SECONDS)
        return window


class SharedWindows(Windows):
    """Counts of all replicas, in Redis. A name is a key for a minute."""

    def __init__(self, clock: Clock, link: RedisLink, *, most_names: int = MOST_NAMES) -> None:
        super().__init__(clock, most_names=most_names)
        self._link = link

    async def take(self, name: str, limit: int, cost: int = 1) -> float:
        try:
            left_ms = await self._ask(name, limit, cost)
        except RedisAway:
            return self._take(name, limit, cost)
        if left_ms:
            return left_ms / 1000
        self._take(name, ANY, cost)
        return 0.0

    async def charge(self, name: str, cost: int) -> None:
        await self.take(name, ANY, cost)

    async def _ask(self, name: str, limit: int, cost: int) -> int:
        digest = blake2b(name.encode("utf-8", "replace"), digest_size=16).hexdigest()
        window_ms = round(WINDOW_SECONDS * 1000)
        return int(await self._link.run(TAKE, (self._link.key("window", digest),), (limit, cost, window_ms)))


TAKE: Final = Script(
    """
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
local left_ms = redis.call('PTTL', KEYS[1])
if count >= tonumber(ARGV[1]) and left_ms > 0 then return left_ms end
redis.call('INCRBY', KEYS[1], ARGV[2])
if left_ms <= 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 0
"""
)
"""Run twice, it counts twice: that refuses a little early, and lets nobody through."""

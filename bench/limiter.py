"""What the limiter costs: CPU per request, and memory per bucket in use.

    python bench/limiter.py

The floor beside it is the same loop with a permit that does nothing: what `await` and a call cost anyway.
"""

import asyncio
import time
import tracemalloc
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from config import Secret
from services.discord.rate_limit import InProcessRateLimiter, Lane, Observation, RedisRateLimiter
from services.ports import Priority
from services.redis_link import RedisLink

REQUESTS = 50_000
BUCKETS = 20_000
MANY = 1_000_000
FAR = 1e9


@dataclass(frozen=True)
class Limits:
    """Requests per second; too many to matter."""

    global_per_second: int = MANY
    per_channel_per_second: int = MANY


class BenchClock:
    """Real time, or one that stands still until it is moved."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def now(self) -> datetime:
        return datetime.now(UTC)


class Nothing:
    """A limiter and its permit, without a limit."""

    async def acquire(self, _lane: Lane, *, priority: Priority, deadline: float, client_id: str) -> "Nothing":
        return self

    def depart(self) -> None: ...

    def complete(self, seen: Observation) -> None: ...


def lane(major: str) -> Lane:
    """The messages of a channel."""
    return Lane("POST", "/channels/{channel_id}/messages", "", major, is_webhook=False)


def reply(limit: int = 5) -> Observation:
    """A first request's reply, of a sliding window that is full again soon."""
    now = time.time()
    return Observation(200, limit, limit - 1, now + 0.001, 0.001, "hash")


async def cpu_microseconds(limiter: InProcessRateLimiter | Nothing, lanes: list[Lane]) -> float:
    """CPU time of one request, in microseconds."""
    seen = [reply() for _ in range(REQUESTS)]
    began = time.process_time()
    for number in range(REQUESTS):
        permit = await limiter.acquire(
            lanes[number % len(lanes)], priority=Priority.ORDINARY, deadline=FAR, client_id="bench"
        )
        permit.depart()
        permit.complete(seen[number])
    return (time.process_time() - began) / REQUESTS * 1e6


async def bytes_per_bucket() -> float:
    """Memory of a bucket whose window is known, its key and its channel included."""
    limiter = InProcessRateLimiter(Limits(), BenchClock())
    lanes = [lane(str(number)) for number in range(BUCKETS)]
    seen = reply()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for each in lanes:
        permit = await limiter.acquire(each, priority=Priority.ORDINARY, deadline=FAR, client_id="bench")
        permit.complete(seen)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    limiter.close()
    return used / BUCKETS


async def forgetting_milliseconds() -> tuple[int, float]:
    """How many idle buckets are left after as many requests, and their CPU time."""
    clock = BenchClock()
    limiter = InProcessRateLimiter(Limits(), clock)
    for number in range(BUCKETS):
        permit = await limiter.acquire(lane(str(number)), priority=Priority.ORDINARY, deadline=FAR, client_id="bench")
        permit.complete(reply())
    clock.ahead = 3_600.0
    began = time.process_time()
    for _ in range(BUCKETS):
        permit = await limiter.acquire(lane("1"), priority=Priority.ORDINARY, deadline=FAR, client_id="bench")
        permit.complete(reply())
    taken = (time.process_time() - began) * 1e3
    left = limiter.describe()["lane_count"]
    limiter.close()
    return int(str(left)), taken


async def wait_milliseconds(limiter: InProcessRateLimiter | Nothing, requests: int = 2_000) -> float:
    """Half of all requests have their permit after this long, one at a time, each from a channel of its own."""
    waits = []
    for number in range(requests):
        began = time.perf_counter()
        permit = await limiter.acquire(
            lane(str(number % 500)), priority=Priority.ORDINARY, deadline=FAR, client_id="bench"
        )
        waits.append((time.perf_counter() - began) * 1e3)
        permit.depart()
        permit.complete(reply())
        await asyncio.sleep(0.001)
    return median(waits)


async def shared_wait_milliseconds() -> float:
    """The same, with a Valkey of our own on this machine."""
    from tests.support.valkey import ValkeyServer  # noqa: PLC0415  # brings packages that only the tests need

    with TemporaryDirectory(prefix="bench-") as folder:
        server = ValkeyServer(Path(folder))
        server.start()
        clock = BenchClock()
        try:
            async with (
                RedisLink(Secret(server.url), "bench", clock) as link,
                RedisRateLimiter(Limits(), clock, link) as limiter,
            ):
                return await wait_milliseconds(limiter)
        finally:
            server.stop()


async def main() -> None:
    """Measures and prints."""
    lanes = [lane(str(number)) for number in range(1_000)]
    limiter = InProcessRateLimiter(Limits(), BenchClock())
    floor = await cpu_microseconds(Nothing(), lanes)
    taken = await cpu_microseconds(limiter, lanes)
    limiter.close()
    print(f"acquire + depart + complete  {taken:6.2f} µs CPU (floor {floor:.2f}, bound 30)")
    alone = InProcessRateLimiter(Limits(), BenchClock())
    added = await shared_wait_milliseconds() - await wait_milliseconds(alone)
    alone.close()
    print(f"added by Redis, half of all  {added:6.3f} ms (bound 1)")
    print(f"memory per live bucket       {await bytes_per_bucket():6.0f} bytes (bound 1536)")
    left, milliseconds = await forgetting_milliseconds()
    print(f"{BUCKETS} buckets used once, idle  {left:6d} left after as many requests, {milliseconds:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())

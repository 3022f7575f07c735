"""Several limiters that share a Valkey, in real time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from config import Secret
from services.discord.quarantine import Quarantine
from services.discord.rate_limit import Lane, Observation, RedisRateLimiter
from services.discord.rate_limit.permit import BucketPermit
from services.ports import Priority
from services.redis_link import RedisLink
from tests.unit.discord.rate_limit.desk import Limits, Notes
from tests.unit.discord.rate_limit.simulated import lane

PATIENCE_SECONDS = 15.0


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Replica:
    """A limiter, what it noticed, and the webhooks it holds back."""

    limiter: RedisRateLimiter
    quarantine: Quarantine
    link: RedisLink
    notes: Notes = field(default_factory=Notes)

    @property
    def state(self) -> object:
        return self.limiter.describe()["state"]

    @property
    def replicas(self) -> object:
        return self.limiter.describe()["replicas"]

    async def permit(
        self, to: Lane | None = None, within: float = PATIENCE_SECONDS, priority: Priority = Priority.ORDINARY
    ) -> BucketPermit:
        deadline = time.monotonic() + within
        return await self.limiter.acquire(to or lane(), priority=priority, deadline=deadline, client_id="caller")

    async def once(self, seen: Observation, to: Lane | None = None) -> None:
        (await self.permit(to)).complete(seen)


async def open_replica(stack: AsyncExitStack, url: str, egress: str = "default", most: int = 50) -> Replica:
    clock, notes = SystemClock(), Notes()
    quarantine = Quarantine(clock)
    link = await stack.enter_async_context(RedisLink(Secret(url), "test", clock))
    limiter = RedisRateLimiter(Limits(most), clock, link, egress=egress, observer=notes, quarantine=quarantine)
    return Replica(await stack.enter_async_context(limiter), quarantine, link, notes)


@asynccontextmanager
async def replicas(url: str, *egresses: str, most: int = 50) -> AsyncIterator[list[Replica]]:
    """One replica for each address named; they know of each other."""
    async with AsyncExitStack() as stack:
        opened = [await open_replica(stack, url, egress, most) for egress in egresses]
        await comes_true(lambda: all(one.replicas == len(opened) for one in opened))
        yield opened


async def comes_true(condition: Callable[[], bool], within: float = PATIENCE_SECONDS) -> None:
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, "it does not come true"
        await asyncio.sleep(0.01)


def shown(limit: int, remaining: int, reset_after: float) -> Observation:
    return Observation(200, limit, remaining, time.time() + reset_after, reset_after, "hash")

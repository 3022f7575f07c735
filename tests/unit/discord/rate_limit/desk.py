"""A limiter in virtual time, and replies put together by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.discord.rate_limit import Bounds, InProcessRateLimiter, Lane, Observation
from services.discord.rate_limit.permit import BucketPermit
from services.ports import Priority
from tests.unit.discord.rate_limit.simulated import FAR
from tests.unit.discord.rate_limit.virtual import clock


@dataclass(frozen=True)
class Limits:
    global_per_second: int = 50
    per_channel_per_second: int = 1_000


@dataclass
class Notes:
    """An observer that writes everything down."""

    told: list[tuple[object, ...]] = field(default_factory=list)

    def waited(self, seconds: float, priority: Priority) -> None:
        self.told.append(("waited", round(seconds, 3), priority))

    def refused(self, reason: str) -> None:
        self.told.append(("refused", reason))

    def rate_limited(self, scope: str) -> None:
        self.told.append(("rate_limited", scope))

    def paused(self, scope: str, seconds: float) -> None:
        self.told.append(("paused", scope, round(seconds)))

    def invalid_requests(self, used: int, limit: int, percent: int) -> None:
        self.told.append(("invalid_requests", used, limit, percent))

    def replicas(self, count: int, *, is_shared: bool) -> None:
        self.told.append(("replicas", count, is_shared))

    def lease_ended(self) -> None:
        self.told.append(("lease_ended",))


@dataclass
class Desk:
    """Asks for permits."""

    limiter: InProcessRateLimiter
    notes: Notes

    @property
    def waiting(self) -> int:
        return len(self.limiter._room)

    async def permit(
        self,
        lane: Lane,
        priority: Priority = Priority.ORDINARY,
        *,
        within: float = FAR,
        client_id: str = "caller",
    ) -> BucketPermit:
        deadline = clock().time() + within
        return await self.limiter.acquire(lane, priority=priority, deadline=deadline, client_id=client_id)

    async def ask(
        self,
        lane: Lane,
        priority: Priority = Priority.ORDINARY,
        *,
        within: float = FAR,
        client_id: str = "caller",
    ) -> asyncio.Task[BucketPermit]:
        """A request that has reached its place in line."""
        asked = asyncio.create_task(self.permit(lane, priority, within=within, client_id=client_id))
        await settle()
        return asked

    async def once(self, lane: Lane, seen: Observation | None = None) -> None:
        """One request, answered at once."""
        (await self.permit(lane)).complete(seen or fine())


@asynccontextmanager
async def desk(limits: Limits | None = None, bounds: Bounds | None = None) -> AsyncIterator[Desk]:
    notes = Notes()
    limiter = InProcessRateLimiter(limits or Limits(), clock(), bounds=bounds, observer=notes)
    yield Desk(limiter, notes)
    limiter.close()


async def settle() -> None:
    """Lets everybody run who can, without time passing."""
    for _ in range(5):
        await asyncio.sleep(0)


def fine(
    limit: int = 5, remaining: int = 4, reset_after: float = 1.0, name: str = "hash", reset: float | None = None
) -> Observation:
    epoch = 1_700_000_000 + clock().time() + reset_after if reset is None else reset
    return Observation(200, limit, remaining, epoch, reset_after, name)


def plain(status: int = 200) -> Observation:
    return Observation(status)


def limited(
    retry_after: float | None,
    scope: str = "user",
    *,
    remaining: int | None = 0,
    name: str | None = "hash",
    status: int = 429,
) -> Observation:
    return Observation(
        status,
        limit=5,
        remaining=remaining,
        reset_epoch_seconds=1_700_000_000 + clock().time() + 5.0,
        reset_after_seconds=5.0,
        bucket=name,
        retry_after_seconds=retry_after,
        scope=scope,
        is_discords=scope != "cloudflare",
    )

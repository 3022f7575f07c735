"""What every rate limiter keeps to, whoever holds its state. In real time, with short windows."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from config import Secret
from services.discord.rate_limit import (
    InProcessRateLimiter,
    Lane,
    Observation,
    Permit,
    RateLimiter,
    RedisRateLimiter,
)
from services.errors import DiscordUnavailable, RateLimited
from services.ports import Priority
from services.redis_link import RedisLink
from tests.support.record import eventually

PATIENCE_SECONDS = 15.0


@dataclass(frozen=True)
class Limits:
    """Requests per second."""

    global_per_second: int = 1_000
    per_channel_per_second: int = 1_000


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


type Opening = Callable[[Limits], AbstractAsyncContextManager[RateLimiter]]


@asynccontextmanager
async def in_process(limits: Limits) -> AsyncIterator[RateLimiter]:
    limiter = InProcessRateLimiter(limits, SystemClock())
    yield limiter
    limiter.close()


@pytest.fixture(params=["in_process", "redis"])
def opening(request: pytest.FixtureRequest) -> Opening:
    """How a limiter of each state is opened."""
    if request.param == "in_process":
        return in_process
    url = Secret(request.getfixturevalue("valkey_url"))

    @asynccontextmanager
    async def shared(limits: Limits) -> AsyncIterator[RateLimiter]:
        clock = SystemClock()
        async with RedisLink(url, "test", clock) as link, RedisRateLimiter(limits, clock, link) as limiter:
            yield limiter

    return shared


def lane(major: str = "1", *, is_webhook: bool = False) -> Lane:
    return Lane("POST", "/guilds/{guild_id}/things", "", major, is_webhook)


def shown(limit: int, remaining: int, reset_after: float) -> Observation:
    return Observation(200, limit, remaining, time.time() + reset_after, reset_after, "hash")


def limited(scope: str, retry_after: float) -> Observation:
    return Observation(429, retry_after_seconds=retry_after, scope=scope, is_discords=scope != "cloudflare")


async def permit(limiter: RateLimiter, to: Lane, within: float = PATIENCE_SECONDS, *, urgent: bool = False) -> Permit:
    priority = Priority.MODERATION if urgent else Priority.ORDINARY
    deadline = time.monotonic() + within
    return await limiter.acquire(to, priority=priority, deadline=deadline, client_id="caller")


async def asked[T](limiter: RateLimiter, waiting: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A request that stands in line by now."""
    in_line = waiting_at(limiter)
    task = asyncio.create_task(waiting)
    await eventually(lambda: waiting_at(limiter) > in_line)
    return task


def waiting_at(limiter: RateLimiter) -> int:
    """How many stand in line."""
    return int(str(limiter.describe()["waiting"]))


async def test_an_unknown_lane_is_probed_by_one_request(opening: Opening) -> None:
    async with opening(Limits()) as limiter:
        probe = await permit(limiter, lane())
        other = await asked(limiter, permit(limiter, lane()))
        await asyncio.sleep(0.02)
        assert not other.done()
        probe.complete(shown(5, 4, 1.0))
        (await other).drop()


async def test_a_used_up_window_is_waited_for(opening: Opening) -> None:
    async with opening(Limits()) as limiter:
        first = await permit(limiter, lane())
        used_up = time.monotonic()
        first.complete(shown(1, 0, 0.3))
        await permit(limiter, lane())
        assert time.monotonic() - used_up >= 0.28


async def test_a_wait_in_vain_is_refused_at_once(opening: Opening) -> None:
    async with opening(Limits()) as limiter:
        (await permit(limiter, lane())).complete(shown(1, 0, 30.0))
        began = time.monotonic()
        with pytest.raises(RateLimited) as refusal:
            await permit(limiter, lane(), within=25.0)
        assert time.monotonic() - began < 5
        assert refusal.value.retry_after_seconds == pytest.approx(30.0, abs=5)


async def test_the_global_limit_counts_by_the_second_and_webhooks_do_not(opening: Opening) -> None:
    async with opening(Limits(2)) as limiter:
        began = time.monotonic()
        for number in range(2):
            (await permit(limiter, lane(str(number)))).complete(Observation(200))
        third = await asked(limiter, permit(limiter, lane("3")))
        await permit(limiter, lane("9", is_webhook=True))
        assert not third.done()
        await third
        assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("scope", ["global", "cloudflare"])
async def test_what_concerns_everything_stops_everything(opening: Opening, scope: str) -> None:
    async with opening(Limits()) as limiter:
        (await permit(limiter, lane())).complete(limited(scope, 30.0))
        with pytest.raises(DiscordUnavailable if scope == "cloudflare" else RateLimited):
            await permit(limiter, lane("2"))


@pytest.mark.parametrize("scope", ["user", "shared"])
async def test_what_concerns_a_lane_stops_that_lane_only(opening: Opening, scope: str) -> None:
    async with opening(Limits()) as limiter:
        (await permit(limiter, lane())).complete(limited(scope, 30.0))
        with pytest.raises(RateLimited):
            await permit(limiter, lane())
        (await permit(limiter, lane("2"))).drop()


async def test_a_cancelled_wait_and_a_dropped_permit_leave_no_trace(opening: Opening) -> None:
    async with opening(Limits()) as limiter:
        held = await permit(limiter, lane())
        gone = await asked(limiter, permit(limiter, lane()))
        heir = await asked(limiter, permit(limiter, lane()))
        gone.cancel()
        held.drop()
        (await heir).drop()
        assert waiting_at(limiter) == 0


async def test_the_urgent_go_first_and_the_others_in_order(opening: Opening) -> None:
    async with opening(Limits()) as limiter:
        order: list[str] = []

        async def one(name: str, *, urgent: bool = False) -> None:
            got = await permit(limiter, lane(), urgent=urgent)
            order.append(name)
            got.complete(Observation(404))

        probe = await permit(limiter, lane())
        waiting = [await asked(limiter, one(name)) for name in ("first", "second")]
        waiting.append(await asked(limiter, one("urgent", urgent=True)))
        probe.complete(Observation(404))
        await asyncio.gather(*waiting)
        assert order == ["urgent", "first", "second"]


async def test_the_description_is_json(opening: Opening) -> None:
    async with opening(Limits()) as limiter:
        (await permit(limiter, lane())).complete(shown(5, 4, 1.0))
        state = json.loads(json.dumps(limiter.describe()))
        assert {"state", "lanes", "waiting", "global", "pauses", "invalid_requests"} <= state.keys()

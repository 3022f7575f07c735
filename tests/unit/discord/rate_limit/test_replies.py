"""What a reply stops, and what it leaves alone."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.discord.rate_limit import Bounds
from services.errors import DiscordUnavailable, RateLimited
from services.ports import Priority
from tests.unit.discord.rate_limit.desk import Desk, Limits, desk, fine, limited, plain, settle
from tests.unit.discord.rate_limit.simulated import lane, webhook
from tests.unit.discord.rate_limit.virtual import clock, run

type Scene = Callable[[Desk], Awaitable[None]]


def play(scene: Scene, limits: Limits | None = None, bounds: Bounds | None = None) -> None:
    async def main() -> None:
        async with desk(limits, bounds) as front:
            await scene(front)

    run(main())


async def wait_of(front: Desk, *args: object, **kwargs: object) -> float:
    """How long a request to a lane waits; its permit is given back."""
    began = clock().time()
    (await front.permit(*args, **kwargs)).drop()  # type: ignore[arg-type]
    return clock().time() - began


def test_retry_after_wins_and_then_one_request_goes_alone() -> None:
    async def scene(front: Desk) -> None:
        await front.once(lane())
        (await front.permit(lane())).complete(limited(2.0))
        first, second = await front.ask(lane()), await front.ask(lane())
        await asyncio.sleep(5.2)
        assert (first.done(), second.done()) == (True, False)
        first.result().complete(fine(5, 3, 2.0))
        await settle()
        assert second.done()

    play(scene)


def test_a_limit_beside_the_headers_parks_its_lane_only() -> None:
    async def scene(front: Desk) -> None:
        await front.once(webhook("1"))
        (await front.permit(webhook("1"))).complete(limited(43.0, remaining=2))
        assert await wait_of(front, webhook("2")) == 0.0
        assert await wait_of(front, webhook("1")) == pytest.approx(43.05)
        first = await front.permit(webhook("1"))
        second = await front.ask(webhook("1"))
        assert not second.done()
        first.complete(fine())
        await settle()
        assert second.done()

    play(scene)


def test_a_429_with_another_hash_leaves_the_window_as_it_was() -> None:
    async def scene(front: Desk) -> None:
        old = lane(method="DELETE", variant="old")
        young = lane(method="DELETE", variant="young")
        await front.once(old, fine(30, 29, 0.1, "old"))
        (await front.permit(old)).complete(limited(0.8, name="young"))
        assert await wait_of(front, young) == 0.0
        assert await wait_of(front, old) == pytest.approx(0.85)
        state = front.limiter.describe()["lanes"]
        assert isinstance(state, list)
        assert {entry.get("bucket") for entry in state} == {"old", None}

    play(scene)


def test_two_windows_of_one_lane_are_both_kept() -> None:
    async def scene(front: Desk) -> None:
        await front.once(lane(), fine(5, 3, 4.0, "first"))
        held = [await front.permit(lane()) for _ in range(3)]
        held[0].complete(fine(30, 29, 9.0, "second"))
        held[1].complete(fine(5, 0, 4.0, "first"))
        held[2].complete(fine(30, 28, 9.0, "second"))
        assert await wait_of(front, lane()) == pytest.approx(4.05)
        for _ in range(5):
            await front.once(lane(), fine(30, 20, 4.0, "second"))

    play(scene)


def test_a_window_beside_that_is_full_again_is_forgotten() -> None:
    async def scene(front: Desk) -> None:
        await front.once(lane(), fine(5, 3, 4.0, "first"))
        await front.once(lane(), fine(30, 29, 9.0, "second"))
        await asyncio.sleep(5.0)
        await front.once(lane(), fine(30, 29, 9.0, "second"))
        (bucket,) = front.limiter._buckets
        assert bucket.window is not None
        assert bucket.window.hash == "second"
        assert bucket._beside is None

    play(scene)


def test_a_shared_429_parks_its_lane_and_is_not_counted_as_ours() -> None:
    async def scene(front: Desk) -> None:
        await front.once(lane())
        (await front.permit(lane())).complete(limited(3.0, "shared"))
        assert front.limiter.describe()["invalid_requests"]["used"] == 0  # type: ignore[index]
        assert await wait_of(front, lane("2")) == 0.0
        assert await wait_of(front, lane()) == pytest.approx(3.05)

    play(scene)


def test_a_429_without_retry_after_waits_for_the_reset() -> None:
    async def scene(front: Desk) -> None:
        (await front.permit(lane())).complete(limited(None))
        assert await wait_of(front, lane()) == pytest.approx(5.05)

    play(scene)


def test_a_global_429_stops_the_token_but_no_webhook_and_yields_room() -> None:
    async def scene(front: Desk) -> None:
        permits = [await front.permit(lane(str(n))) for n in range(3)]
        for permit in permits:
            permit.complete(limited(2.0, "global", remaining=None, name=None))
        assert front.limiter.describe()["global"]["limit"] == 40  # type: ignore[index]
        assert await wait_of(front, webhook()) == 0.0
        assert await wait_of(front, lane("9")) == pytest.approx(2.05)
        assert front.notes.told.count(("paused", "token", 2)) == 1
        await asyncio.sleep(121.0)
        await front.once(lane("9"), plain())
        assert front.limiter.describe()["global"]["limit"] == 50  # type: ignore[index]

    play(scene)


def test_a_global_429_of_a_webhook_stops_the_webhooks_only() -> None:
    async def scene(front: Desk) -> None:
        (await front.permit(webhook())).complete(limited(2.0, "global"))
        assert await wait_of(front, lane("9")) == 0.0
        assert await wait_of(front, webhook("2")) == pytest.approx(2.05)
        assert front.limiter.describe()["global"]["limit"] == 50  # type: ignore[index]

    play(scene)


def test_cloudflare_stops_everything_and_the_cool_down_grows() -> None:
    async def scene(front: Desk) -> None:
        for cool_down in (60.0, 120.0, 240.0):
            blocked = [await front.permit(lane("1")), await front.permit(webhook("1"))]
            for permit in blocked:
                permit.complete(limited(None, "cloudflare"))
            with pytest.raises(DiscordUnavailable) as refusal:
                await front.permit(webhook("2"), within=cool_down - 1.0)
            assert refusal.value.retry_after_seconds == pytest.approx(cool_down)
            await asyncio.sleep(cool_down)
            front.limiter._pauses.discord_answered()
        await front.once(lane("1"), fine())
        await asyncio.sleep(240.0 + 3_600.0)
        (await front.permit(lane("1"))).complete(limited(None, "cloudflare"))
        assert await wait_of(front, lane("2")) == pytest.approx(60.0)

    play(scene)


def test_cloudflares_own_retry_after_is_kept_when_it_is_longer() -> None:
    async def scene(front: Desk) -> None:
        (await front.permit(lane("1"))).complete(limited(200.0, "cloudflare"))
        assert await wait_of(front, lane("2")) == pytest.approx(200.05)

    play(scene)


def test_after_a_block_one_request_goes_alone_until_discord_answers() -> None:
    async def scene(front: Desk) -> None:
        (await front.permit(lane("1"))).complete(limited(None, "cloudflare"))
        first, second = await front.ask(lane("2")), await front.ask(lane("3"))
        await asyncio.sleep(61.0)
        assert (first.done(), second.done()) == (True, False)
        first.result().complete(plain())
        await settle()
        assert second.done()

    play(scene)


async def refuse(front: Desk, times: int) -> None:
    for number in range(times):
        await front.once(lane(str(number % 50), method="GET"), plain(403))
        await asyncio.sleep(0.03)


def test_the_budget_of_invalid_requests_is_guarded_in_steps() -> None:
    async def scene(front: Desk) -> None:
        await refuse(front, 50)
        assert front.notes.told[-1] == ("invalid_requests", 50, 100, 50)
        held = await front.permit(lane())
        waiter, ban = await front.ask(lane()), await front.ask(lane(), Priority.MODERATION)
        await refuse(front, 30)
        with pytest.raises(RateLimited) as refusal:
            await front.permit(lane("2"))
        assert 590.0 < (refusal.value.retry_after_seconds or 0.0) <= 610.0
        assert not waiter.done()
        for number in range(10):
            permit = await front.permit(lane(str(number), method="GET"), Priority.MODERATION)
            permit.complete(plain(401))
        await settle()
        with pytest.raises(RateLimited):
            waiter.result()
        assert not ban.done()
        for number in range(5):
            permit = await front.permit(lane(str(number), method="GET"), Priority.MODERATION)
            permit.complete(plain(403))
        with pytest.raises(RateLimited):
            await front.permit(lane("3"), Priority.MODERATION)
        await settle()
        with pytest.raises(RateLimited):
            ban.result()
        held.drop()
        await asyncio.sleep(611.0)
        assert await wait_of(front, lane("2")) == 0.0

    play(scene, bounds=Bounds(invalid_requests=100))


def test_only_401_403_and_429_are_invalid() -> None:
    async def scene(front: Desk) -> None:
        for status in (200, 204, 400, 404, 500):
            await front.once(lane(), plain(status))
        assert front.limiter.describe()["invalid_requests"]["used"] == 0  # type: ignore[index]
        for status in (401, 403):
            await front.once(lane(), plain(status))
        assert front.limiter.describe()["invalid_requests"]["used"] == 2  # type: ignore[index]

    play(scene)

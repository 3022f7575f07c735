"""Who waits, who is refused at once, and that nothing stays behind."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.discord.rate_limit import Bounds, Lane
from services.discord.rate_limit.permit import BucketPermit
from services.errors import Overloaded, RateLimited
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


async def exhausted(front: Desk, reset_after: float = 10.0) -> None:
    """The lane's window is used up and comes back after so many seconds."""
    await front.once(lane(), fine(5, 0, reset_after))


def test_an_unknown_bucket_is_probed_once_while_the_others_wait() -> None:
    async def scene(front: Desk) -> None:
        probe = await front.permit(lane())
        others = [await front.ask(lane()) for _ in range(3)]
        assert front.waiting == 3
        probe.complete(fine(5, 4))
        await settle()
        assert all(other.done() for other in others)

    play(scene)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_an_error_without_headers_ends_the_probe_and_the_next_one_probes(status: int) -> None:
    async def scene(front: Desk) -> None:
        probe = await front.permit(lane())
        first, second = await front.ask(lane()), await front.ask(lane())
        probe.complete(plain(status))
        await settle()
        assert (first.done(), second.done()) == (True, False)
        first.result().complete(None)
        await settle()
        assert second.done()

    play(scene)


def test_a_lane_without_headers_becomes_known_when_they_come() -> None:
    async def scene(front: Desk) -> None:
        await front.once(lane(), plain())
        permits = [await front.permit(lane()) for _ in range(3)]
        permits[0].complete(fine(5, 2, 9.0))
        state = front.limiter.describe()["lanes"]
        assert isinstance(state, list)
        assert (state[0]["kind"], state[0]["limit"], state[0]["in_flight"]) == ("fixed", 5, 2)
        with pytest.raises(RateLimited):
            await front.permit(lane(), within=8.0)

    play(scene)


def test_a_wait_that_cannot_end_in_time_is_refused_at_once_with_the_true_wait() -> None:
    async def scene(front: Desk) -> None:
        await exhausted(front)
        with pytest.raises(RateLimited) as refusal:
            await front.permit(lane(), within=9.0)
        assert refusal.value.retry_after_seconds == pytest.approx(10.05)
        assert front.waiting == 0

    play(scene)


def test_a_sliding_window_tells_the_wait_by_its_intervals() -> None:
    async def scene(front: Desk) -> None:
        permits = [await front.permit(lane())]
        permits[0].complete(fine(5, 4, 1.0))
        permits = [await front.permit(lane()) for _ in range(4)]
        for number, permit in enumerate(permits):
            permit.complete(fine(5, 3 - number, 2.0 + number))
        waiters = [await front.ask(lane()) for _ in range(3)]
        with pytest.raises(RateLimited) as refusal:
            await front.permit(lane(), within=3.0)
        assert refusal.value.retry_after_seconds == pytest.approx(4.05, abs=0.02)
        assert all(await asyncio.gather(*waiters))

    play(scene)


def test_the_queue_ahead_counts_for_the_refusal() -> None:
    async def scene(front: Desk) -> None:
        await exhausted(front)
        waiters = [await front.ask(lane()) for _ in range(5)]
        with pytest.raises(RateLimited) as refusal:
            await front.permit(lane(), within=15.0)
        assert refusal.value.retry_after_seconds == pytest.approx(20.05)
        urgent = await front.ask(lane(), Priority.MODERATION, within=15.0)
        assert not urgent.done()
        for waiter in (*waiters, urgent):
            waiter.cancel()

    play(scene)


def test_the_global_queue_counts_for_the_refusal() -> None:
    async def scene(front: Desk) -> None:
        permits = [await front.permit(lane(str(n))) for n in range(2)]
        for permit in permits:
            permit.complete(plain())
        crowd = [await front.ask(lane(str(n))) for n in range(10, 20)]
        with pytest.raises(RateLimited) as refusal:
            await front.permit(lane("9"), within=4.0)
        assert refusal.value.retry_after_seconds == pytest.approx(6.0, abs=0.1)
        for waiter in crowd:
            waiter.cancel()

    play(scene, Limits(2))


def test_a_wait_ends_at_its_deadline_with_a_refusal() -> None:
    async def scene(front: Desk) -> None:
        await front.permit(lane())
        began = clock().time()
        with pytest.raises(RateLimited):
            await front.permit(lane(), within=3.0)
        assert clock().time() - began == pytest.approx(3.0)
        assert front.waiting == 0

    play(scene)


def test_the_longest_wait_bounds_every_deadline() -> None:
    async def scene(front: Desk) -> None:
        await exhausted(front, 400.0)
        with pytest.raises(RateLimited):
            await front.permit(lane())

    play(scene)


def test_a_pause_refuses_those_who_now_wait_in_vain() -> None:
    async def scene(front: Desk) -> None:
        first = await front.permit(lane())
        patient, hurried = await front.ask(lane()), await front.ask(lane(), within=30.0)
        first.complete(limited(40.0))
        await settle()
        with pytest.raises(RateLimited) as refusal:
            hurried.result()
        assert refusal.value.retry_after_seconds == pytest.approx(40.05)
        assert not patient.done()
        patient.cancel()

    play(scene)


def test_queues_are_bounded_per_bucket_and_per_caller() -> None:
    async def scene(front: Desk) -> None:
        await exhausted(front)
        crowd = [await front.ask(lane(), client_id=str(n)) for n in range(3)]
        with pytest.raises(Overloaded) as full:
            await front.permit(lane(), client_id="other")
        assert full.value.retry_after_seconds == pytest.approx(10.05)
        await front.once(lane("2"), fine(5, 0, 10.0))
        crowd += [await front.ask(lane("2"), client_id="0")]
        with pytest.raises(Overloaded):
            await front.permit(lane("2"), client_id="0")
        for waiter in crowd:
            waiter.cancel()
        await settle()
        assert front.limiter._room.caller_count == 0
        assert not front.limiter._room.crowded

    play(scene, bounds=Bounds(waiting_per_bucket=3, waiting_per_caller=2))


def test_moderation_finds_room_where_its_callers_other_actions_have_filled_theirs() -> None:
    async def scene(front: Desk) -> None:
        bans = Lane("PUT", "/guilds/{guild_id}/bans/{user_id}", "", "1", is_webhook=False)
        await exhausted(front)
        await front.once(bans, fine(5, 0, 10.0))
        crowd = [await front.ask(lane()) for _ in range(2)]
        with pytest.raises(Overloaded):
            await front.permit(lane())
        crowd += [await front.ask(bans, Priority.MODERATION) for _ in range(2)]
        assert front.waiting == 4
        with pytest.raises(Overloaded):
            await front.permit(bans, Priority.MODERATION)
        for waiter in crowd:
            waiter.cancel()
        await settle()

    play(scene, bounds=Bounds(waiting_per_caller=2))


def test_the_default_queues_hold_a_thousand() -> None:
    assert Bounds().waiting_per_bucket >= 1_000
    assert Bounds().waiting_per_caller >= 1_000


def test_a_cancelled_waiter_leaves_no_trace() -> None:
    async def scene(front: Desk) -> None:
        probe = await front.permit(lane())
        first, second = await front.ask(lane()), await front.ask(lane())
        first.cancel()
        await settle()
        assert front.waiting == 1
        probe.complete(fine(1, 0, 2.0))
        began = clock().time()
        await second
        assert clock().time() - began == pytest.approx(2.05)

    play(scene)


def test_a_permit_that_comes_with_the_cancellation_goes_to_the_next() -> None:
    async def scene(front: Desk) -> None:
        probe = await front.permit(lane())
        first, second = await front.ask(lane()), await front.ask(lane())
        probe.complete(plain(404))
        first.cancel()
        await settle()
        assert first.cancelled()
        assert second.done()

    play(scene)


def test_a_waiter_cancelled_in_the_instant_before_it_would_be_let_go_is_passed_over() -> None:
    async def scene(front: Desk) -> None:
        probe = await front.permit(lane())
        first, second = await front.ask(lane()), await front.ask(lane())
        first.cancel()
        probe.complete(plain(404))
        await settle()
        assert first.cancelled()
        assert second.done()

    play(scene)


def test_a_dropped_permit_gives_its_room_to_the_next() -> None:
    async def scene(front: Desk) -> None:
        await front.once(lane(), fine(2, 1, 5.0))
        held = await front.permit(lane())
        waiter = await front.ask(lane())
        held.drop()
        held.complete(None)
        await settle()
        assert waiter.done()

    play(scene)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(Priority), min_size=2, max_size=30))
def test_first_come_first_served_within_a_priority(wishes: list[Priority]) -> None:
    async def scene(front: Desk) -> None:
        served: list[int] = []

        async def one(number: int, priority: Priority) -> None:
            permit = await front.permit(lane(), priority)
            served.append(number)
            permit.complete(fine(1, 0, 0.2))

        await front.once(lane(), fine(1, 0, 0.2))
        tasks = [asyncio.create_task(one(number, priority)) for number, priority in enumerate(wishes)]
        await asyncio.gather(*tasks)
        assert served == sorted(range(len(wishes)), key=lambda number: (wishes[number], number))

    play(scene)


def test_moderation_goes_first_at_the_global_gate() -> None:
    async def scene(front: Desk) -> None:
        (await front.permit(lane("0"))).complete(plain())
        bulk = await front.ask(lane("1"), Priority.BULK)
        ordinary = await front.ask(lane("2"))
        ban = await front.ask(lane("3"), Priority.MODERATION)
        order: list[str] = []

        async def follow(waiter: asyncio.Task[BucketPermit], name: str) -> None:
            permit = await waiter
            order.append(name)
            permit.complete(plain())

        await asyncio.gather(follow(bulk, "bulk"), follow(ordinary, "ordinary"), follow(ban, "ban"))
        assert order == ["ban", "ordinary", "bulk"]

    play(scene, Limits(1))


def test_webhooks_pass_the_global_limit() -> None:
    async def scene(front: Desk) -> None:
        await front.permit(lane("0"))
        waiter = await front.ask(lane("1"))
        assert not waiter.done()
        assert (await front.ask(webhook("1"))).done()
        waiter.cancel()

    play(scene, Limits(1))


def test_a_forgotten_permit_holds_its_room_no_longer_than_its_lease() -> None:
    async def scene(front: Desk) -> None:
        forgotten = await front.permit(lane())
        began = clock().time()
        await front.permit(lane())
        assert clock().time() - began == pytest.approx(20.0)
        assert ("lease_ended",) in front.notes.told
        forgotten.complete(limited(7.0, "global"))
        assert ("paused", "token", 7) in front.notes.told

    play(scene, bounds=Bounds(lease_seconds=20.0))


def test_a_forgotten_permit_does_not_keep_the_later_ones_in_memory() -> None:
    async def scene(front: Desk) -> None:
        await front.permit(webhook("forgotten"))
        for _ in range(5_000):
            await front.once(webhook(), plain())
        assert len(front.limiter._leases) <= 1_025

    play(scene)


def test_a_request_that_left_long_ago_frees_its_global_place_before_its_reply() -> None:
    async def scene(front: Desk) -> None:
        slow = await front.permit(lane("1"))
        slow.depart()
        began = clock().time()
        await front.permit(lane("2"))
        assert clock().time() - began == pytest.approx(6.005)
        slow.complete(plain())

    play(scene, Limits(1))


def test_idle_buckets_are_forgotten_and_busy_ones_are_not() -> None:
    async def scene(front: Desk) -> None:
        for number in range(30):
            await front.once(lane(str(number)))
        await front.once(lane("long"), fine(5, 0, 500.0))
        held = await front.permit(lane("held"))
        await asyncio.sleep(200.0)
        for _ in range(60):
            await front.once(lane("29"))
            await asyncio.sleep(1.0)
        majors = {entry["major"] for entry in front.limiter.describe()["lanes"]}  # type: ignore[attr-defined]
        assert majors == {"29", "long", "held"}
        assert front.limiter.describe()["channel_count"] == 3
        held.drop()

    play(scene, bounds=Bounds(idle_seconds=100.0))


def test_lanes_of_refused_requests_are_forgotten_within_seconds() -> None:
    """Whoever names ever other channels must not fill the memory with them."""

    async def scene(front: Desk) -> None:
        await front.once(lane("used"))
        for number in range(100):
            with pytest.raises(RateLimited):
                await front.permit(lane(str(number)), within=0.001)
        assert front.limiter.describe()["lane_count"] == 101
        await asyncio.sleep(11.0)
        for _ in range(51):
            await front.once(lane("used"))
        assert front.limiter.describe()["lane_count"] == 1

    play(scene, Limits(1))


def test_the_description_is_bounded_and_names_the_crowded_first() -> None:
    async def scene(front: Desk) -> None:
        await exhausted(front)
        for number in range(100, 400):
            front.limiter._buckets.of(lane(str(number)), clock().time())
        waiter = await front.ask(lane())
        state = front.limiter.describe()
        lanes = state["lanes"]
        assert isinstance(lanes, list)
        assert len(lanes) == 50
        assert (lanes[0]["major"], lanes[0]["waiting"], lanes[0]["remaining"]) == ("1", 1, 0)
        assert state["waiting"] == 1
        waiter.cancel()

    play(scene)


def test_timers_are_few_however_many_wait() -> None:
    async def scene(front: Desk) -> None:
        await exhausted(front)
        crowd = [await front.ask(lane(), within=50.0 + n) for n in range(100)]
        live = [timer for timer in clock()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        assert len(live) <= 4
        for waiter in crowd:
            waiter.cancel()

    play(scene)

"""What replicas share through Redis, and what each does without it."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from services.discord.rate_limit import Observation
from services.discord.rate_limit.shared import connection, parcel
from services.errors import DiscordUnavailable, RateLimited
from services.ports import Priority
from tests.support.breaking import breaks_once
from tests.support.valkey import ValkeyServer
from tests.unit.discord.calls import send_webhook
from tests.unit.discord.rate_limit.replicas import PATIENCE_SECONDS, Replica, comes_true, open_replica, replicas, shown
from tests.unit.discord.rate_limit.simulated import lane, webhook

PLAIN = Observation(200)
WITHOUT_AN_END = -1  # of a key that is gone meanwhile, PTTL says -2


async def test_a_window_that_one_used_up_is_used_up_for_all(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        first = await one.permit()
        used_up = time.monotonic()
        first.complete(shown(1, 0, 0.4))
        (await other.permit()).drop()
        assert time.monotonic() - used_up >= 0.38


async def test_an_unknown_lane_is_probed_by_one_replica(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        probe = await one.permit()
        waiting = asyncio.create_task(other.permit())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        probe.complete(shown(5, 4, 1.0))
        (await waiting).drop()


async def test_as_many_are_in_flight_as_remain_over_all_replicas(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        await one.once(shown(3, 2, 30.0))
        flying = [await one.permit(), await other.permit()]
        with pytest.raises(RateLimited):
            await other.permit(within=0.3)
        flying[0].drop()
        await other.permit()


async def test_the_tokens_limit_counts_over_all_replicas(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a", "a", most=6) as crew:
        began = time.monotonic()
        left = []
        for number in range(12):
            await crew[number % 3].once(PLAIN, lane(str(number)))
            left.append(time.monotonic() - began)
        assert left[5] < 1.0
        assert left[6] >= 1.0
        assert left[11] - left[6] < 1.0  # none of these waited for another second
        waiting = asyncio.create_task(crew[0].permit(lane("12")))
        (await crew[0].permit(webhook())).drop()
        assert not waiting.done()
        (await waiting).drop()


async def test_moderation_passes_those_who_wait_for_the_tokens_limit(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a", most=2) as (one, other):
        await other.once(PLAIN, lane("1"))
        await other.once(PLAIN, lane("2"))
        order: list[str] = []

        async def leave(name: str, priority: Priority) -> None:
            permit = await one.permit(lane(name), priority=priority)
            order.append(name)
            permit.complete(PLAIN)

        bulk = [asyncio.create_task(leave(f"bulk-{n}", Priority.BULK)) for n in range(3)]
        await comes_true(lambda: one.limiter.describe()["waiting"] == 3)
        await asyncio.gather(leave("ban", Priority.MODERATION), *bulk)
        assert order == ["ban", "bulk-0", "bulk-1", "bulk-2"]


async def test_a_global_429_stops_the_token_everywhere_and_no_webhook(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "b") as (one, other):
        await one.once(Observation(429, retry_after_seconds=30.0, scope="global"))
        await comes_true(lambda: any(told[:2] == ("paused", "token") for told in other.notes.told))
        with pytest.raises(RateLimited) as refusal:
            await other.permit(lane("2"))
        assert refusal.value.retry_after_seconds == pytest.approx(30, abs=5)
        (await other.permit(webhook())).drop()


async def test_a_block_of_cloudflare_stops_those_behind_the_same_address(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a", "b") as (one, beside, elsewhere):
        await one.once(Observation(429, scope="cloudflare", is_discords=False))
        await comes_true(lambda: any(told[:2] == ("paused", "egress") for told in beside.notes.told))
        with pytest.raises(DiscordUnavailable):
            await beside.permit(webhook())
        (await elsewhere.permit(lane("3"))).drop()


async def test_invalid_requests_count_by_address(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a", "b") as (one, beside, elsewhere):
        for number in range(5):
            await one.once(Observation(403), lane(str(number)))

        def counted(replica: Replica) -> int:
            return replica.limiter._budget.used

        await comes_true(lambda: counted(beside) == counted(one) == 5)
        assert counted(elsewhere) == 0


async def test_a_webhook_in_quarantine_is_so_everywhere(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        call = send_webhook()
        one.quarantine.add(call)
        await comes_true(lambda: len(other.quarantine) == 1)


async def test_what_a_vanished_replica_had_in_flight_counts_as_sent(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcel, "ABSENT_MILLISECONDS", 1_500)
    monkeypatch.setattr(connection, "LOST_AFTER_SECONDS", 0.5)
    async with AsyncExitStack() as stack:
        one = await open_replica(stack, valkey_url)
        gone = await open_replica(stack, valkey_url)
        await gone.permit()
        task = gone.limiter._connection._task
        assert task is not None
        task.cancel()
        (await asyncio.wait_for(one.permit(within=15), 15)).drop()


async def test_without_redis_each_keeps_to_its_share_and_comes_back(
    valkey_server: ValkeyServer, valkey_url: str
) -> None:
    async with replicas(valkey_url, "a", "a", most=10) as crew:
        began = time.monotonic()
        await asyncio.to_thread(valkey_server.stop)
        try:
            await comes_true(lambda: all(one.state == "alone" for one in crew))
            left = []
            for number in range(10):
                await crew[0].once(PLAIN, lane(str(number)))
                left.append(time.monotonic())
            assert left[0] - began >= 1.0  # a second of silence, five, a second, five
            assert left[5] - began >= 2.0
            assert left[9] - left[5] < 1.0
            assert ("replicas", 2, False) in crew[0].notes.told
            assert [one.limiter.figures()["limit_global_per_second"]() for one in crew] == [5, 5]
        finally:
            await asyncio.to_thread(valkey_server.start)
        await comes_true(lambda: all(one.state == "shared" and one.replicas == 2 for one in crew))
        assert [one.limiter.figures()["limit_global_per_second"]() for one in crew] == [10, 10]
        await crew[1].once(shown(5, 4, 1.0), lane("x"))


async def test_a_flush_is_noticed_and_mended(valkey_server: ValkeyServer, valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        await one.once(shown(1, 0, 60.0))
        valkey_server.empty()
        await comes_true(lambda: ("replicas", 2, False) in one.notes.told)
        await comes_true(lambda: one.state == other.state == "shared")
        with pytest.raises(RateLimited):
            await one.permit(within=0.5)


async def test_a_redis_that_hangs_is_given_up_and_comes_back(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        await one.link.do("CLIENT", "PAUSE", 3_000)
        (await other.permit(webhook())).drop()
        assert other.state == "alone"
        await comes_true(lambda: one.state == other.state == "shared")
        assert other.replicas == 2


async def test_what_was_learned_apart_holds_afterwards(valkey_server: ValkeyServer, valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        await asyncio.to_thread(valkey_server.stop)
        try:
            await comes_true(lambda: one.state == other.state == "alone")
            await one.once(shown(1, 0, 60.0), webhook("9"))
        finally:
            await asyncio.to_thread(valkey_server.start)
        await comes_true(lambda: one.replicas == other.replicas == 2 and one.state == other.state == "shared")
        with pytest.raises(RateLimited):
            await one.permit(webhook("9"), within=1.0)
        with pytest.raises(RateLimited):
            await other.permit(webhook("9"), within=1.0)


async def test_it_starts_without_redis(valkey_url: str) -> None:
    async with AsyncExitStack() as stack:
        alone = await open_replica(stack, "redis://127.0.0.1:1/0")
        assert (alone.state, alone.replicas) == ("alone", 3)
        await alone.once(PLAIN)


async def test_a_cancelled_wait_leaves_nothing_in_redis(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, other):
        held = await one.permit()
        waiting = [asyncio.create_task(other.permit()) for _ in range(3)]
        await asyncio.sleep(0.05)
        for task in waiting:
            task.cancel()
        held.complete(shown(5, 4, 1.0))
        assert await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await one.link.do("KEYS", "*flights*"):  # noqa: ASYNC110 -- Redis tells nobody
                await asyncio.sleep(0.01)


async def test_every_key_expires_and_none_tells_a_secret(valkey_url: str) -> None:
    async with replicas(valkey_url, "a", "a") as (one, _):
        await one.once(shown(5, 4, 1.0), lane("webhook-token-major"))
        await one.once(Observation(403), lane("2"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(keys := await one.link.do("KEYS", "*")) < 5:  # noqa: ASYNC110 -- Redis tells nobody
                await asyncio.sleep(0.01)
        assert [key for key in keys if await one.link.do("PTTL", key) == WITHOUT_AN_END] == []
        assert [key for key in keys if not key.startswith("dam:{test}:")] == []
        assert "webhook-token-major" not in " ".join(key for key in keys if "channel" not in key)


@pytest.mark.parametrize("method", ["_ask", "_exchange"])
async def test_an_exchange_that_breaks_keeps_nobody_waiting_and_the_next_ones_are_made(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async with replicas(valkey_url, "a") as (one,):
        waiting = asyncio.create_task(one.permit())
        has_broken = breaks_once(monkeypatch, one.limiter._connection, method)
        (await waiting).complete(PLAIN)
        assert has_broken.is_set()
        await comes_true(lambda: one.state == "shared")
        await one.once(PLAIN)

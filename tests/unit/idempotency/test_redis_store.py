import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.idempotency.redis_store import RedisTable
from services.idempotency.store import IdempotencyKeys
from services.ports import Ending, First, Orphaned, Replay, Unprotected, Unsettled
from tests.support.breaking import breaks_once
from tests.support.keys import CLOCK, DELIVERED, FAILED, LEASE_SECONDS, Replicas, claim, link_to, replicas, soon
from tests.support.record import eventually
from tests.support.valkey import ValkeyServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey that this test may stop."""
    own = ValkeyServer(tmp_path)
    own.start()
    yield own
    own.stop()


@pytest.fixture
async def opened(server: ValkeyServer, tmp_path: Path) -> AsyncIterator[Replicas]:
    async with replicas("redis", tmp_path, lambda: server.url) as given:
        given.bounds.lease_seconds = LEASE_SECONDS
        yield given


async def back_again(store: IdempotencyKeys) -> None:
    """Waits until the store speaks to its Redis again."""
    async with asyncio.timeout(20):
        while isinstance(await store.begin(claim("is it back?"), "x", soon()), Unprotected):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def all_written(store: IdempotencyKeys) -> None:
    """Waits until its Redis has all that came to an end while it was away."""
    await eventually(lambda: not store._late._waiting)


async def test_a_lease_outlives_any_request_and_ends_with_its_process(opened: Replicas) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    waiting = asyncio.create_task(there.begin(claim(), "b", soon()))
    await asyncio.sleep(2.5 * LEASE_SECONDS)
    assert not waiting.done()
    assert here.holds(claim(), "a")
    await here.__aexit__(None, None, None)  # renews no more, as a dead process does
    begun = await waiting
    assert isinstance(begun, Orphaned)
    assert begun.action_id == "a"
    assert 2.5 * LEASE_SECONDS < begun.age_seconds < 20 * LEASE_SECONDS
    assert not here.holds(claim(), "a")


async def test_the_age_of_an_orphan_counts_from_the_first_of_all(opened: Replicas) -> None:
    for owner in ("a", "b"):
        store = await opened.open()
        await store.begin(claim(), owner, soon())
        await store.__aexit__(None, None, None)
    begun = await (await opened.open()).begin(claim(), "c", soon())
    assert isinstance(begun, Orphaned)
    assert begun.action_id == "a"
    assert begun.age_seconds > 2 * 0.9 * LEASE_SECONDS


async def test_an_answer_that_comes_after_the_key_was_taken_over_changes_nothing(opened: Replicas) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    await here._table.close()
    assert isinstance(await there.begin(claim(), "b", soon()), Orphaned)
    await here.finish(claim(), "a", None)
    assert there.holds(claim(), "b")
    await there.finish(claim(), "b", DELIVERED)
    assert await here.begin(claim(), "c", soon()) == Replay(DELIVERED)


@pytest.mark.parametrize("ending", [Unsettled(FAILED), None], ids=["unsettled", "given back"])
async def test_a_renewal_that_comes_after_the_end_holds_nothing(opened: Replicas, ending: Ending) -> None:
    opened.bounds.lease_seconds = 600
    store = await opened.open()
    table = store._table
    assert isinstance(table, RedisTable)
    await store.begin(claim(), "a", soon())
    await store.finish(claim(), "a", Unsettled(FAILED))
    await store.begin(claim(), "b", soon())
    under_way = dict(table._leases)
    await store.finish(claim(), "b", ending)
    await table._renew(under_way)
    begun = await store.begin(claim(), "c", soon(1))
    assert isinstance(begun, Orphaned)


async def test_keys_live_for_a_day_and_are_small(valkey_url: str) -> None:
    async with link_to(valkey_url) as link, IdempotencyKeys(RedisTable(link, CLOCK), CLOCK) as store:
        await store.begin(claim("k" * 255), "a" * 36, soon())
        await store.finish(claim("k" * 255), "a" * 36, DELIVERED)
        names = await link.do("KEYS", "*")
        assert len(names) == 2
        for name in names:
            assert name.startswith("dam:{test}:")
            assert 86_390_000 < await link.do("PTTL", name) <= 86_400_000
        assert sum([await link.do("MEMORY", "USAGE", name) for name in names]) < 1000


async def test_while_redis_is_away_nobody_is_protected_and_nobody_waits(opened: Replicas, server: ValkeyServer) -> None:
    store = await opened.open()
    server.kill()
    began = CLOCK.monotonic()
    for number in range(20):
        begun = await store.begin(claim(), str(number), soon())
        assert isinstance(begun, Unprotected)
        assert str(server.port) in begun.reason
    assert CLOCK.monotonic() - began < 5  # who waits for each of them takes twice as long
    server.start()
    await back_again(store)
    assert await store.begin(claim(), "a", soon()) == First()


async def test_what_ends_while_redis_is_away_is_replayed_at_once_and_written_later(
    opened: Replicas, server: ValkeyServer
) -> None:
    here, there = await opened.open(), await opened.open()
    for key in ("answered", "freed"):
        await here.begin(claim(key), "a", soon())
    server.kill()
    await here.finish(claim("answered"), "a", DELIVERED)
    await here.finish(claim("freed"), "a", None)
    assert await here.begin(claim("answered"), "b", soon()) == Replay(DELIVERED)
    server.start()
    await back_again(there)
    await all_written(here)
    assert await there.begin(claim("answered"), "c", soon()) == Replay(DELIVERED)
    assert await there.begin(claim("freed"), "c", soon()) == First()


async def test_what_runs_while_redis_restarts_empty_is_held_again(opened: Replicas, server: ValkeyServer) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    server.restart()
    async with link_to(server.url) as link, asyncio.timeout(20):
        while not await link.do("KEYS", "*"):  # noqa: ASYNC110 -- Redis tells nobody
            await asyncio.sleep(0.02)
    await eventually(lambda: here.holds(claim(), "a"))
    waiting = asyncio.create_task(there.begin(claim(), "b", soon()))
    await asyncio.sleep(0.1)
    await here.finish(claim(), "a", DELIVERED)
    assert await waiting == Replay(DELIVERED)


async def test_a_holder_that_cannot_renew_stops_holding_before_its_key_can_be_taken(
    opened: Replicas, server: ValkeyServer
) -> None:
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    server.kill()
    assert store.holds(claim(), "a")
    await asyncio.sleep(LEASE_SECONDS)
    assert not store.holds(claim(), "a")


async def test_a_claim_whose_reply_is_lost_is_given_back(opened: Replicas, server: ValkeyServer) -> None:
    here, there = await opened.open(), await opened.open()
    assert await there.begin(claim("warm up"), "a", soon()) == First()
    async with link_to(server.url) as link:
        await link.do("CLIENT", "PAUSE", 2000, "ALL")
    assert isinstance(await here.begin(claim(), "a", soon()), Unprotected)
    await all_written(here)
    await back_again(there)
    assert await there.begin(claim(), "b", soon()) == First()


async def test_forgotten_scripts_are_sent_again(opened: Replicas, server: ValkeyServer) -> None:
    store = await opened.open()
    async with link_to(server.url) as link:
        for owner in ("a", "b", "c"):
            await link.do("SCRIPT", "FLUSH")
            assert await store.begin(claim(owner), owner, soon()) == First()
            await link.do("SCRIPT", "FLUSH")
            await store.finish(claim(owner), owner, DELIVERED)


async def test_a_full_redis_takes_no_more_keys_and_tells_those_it_has(opened: Replicas, server: ValkeyServer) -> None:
    """It would grow past its bound, be killed for it, and be killed again as soon as it has read its file."""
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    await store.finish(claim(), "a", DELIVERED)
    server.fill()
    assert await store.begin(claim(), "b", soon()) == Replay(DELIVERED)
    assert isinstance(await store.begin(claim("new"), "c", soon()), Unprotected)


async def test_a_lease_is_renewed_though_a_renewal_has_broken(
    opened: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.bounds.lease_seconds = 3.0
    store = await opened.open()
    table = store._table
    assert isinstance(table, RedisTable)
    await store.begin(claim(), "a", soon())
    (lease,) = table._leases.values()
    lost_at, has_broken = lease.lost_at, breaks_once(monkeypatch, table, "_renew")
    async with asyncio.timeout(10):
        while lease.lost_at == lost_at:  # noqa: ASYNC110 -- a time has no event
            await asyncio.sleep(0.02)
    assert has_broken.is_set()
    assert store.holds(claim(), "a")


async def test_a_redis_that_wants_a_copy_near_it_takes_no_keys_without_one(
    opened: Replicas, server: ValkeyServer
) -> None:
    store = await opened.open()
    async with link_to(server.url) as link:
        await link.do("CONFIG", "SET", "min-replicas-to-write", 1)
        begun = await store.begin(claim(), "a", soon())
        assert isinstance(begun, Unprotected)
        assert "replicas" in begun.reason.lower()
        await link.do("CONFIG", "SET", "min-replicas-to-write", 0)
    await back_again(store)
    assert isinstance(await store.begin(claim(), "b", soon()), First)

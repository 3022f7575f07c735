"""What every store of idempotency keys keeps: `services.ports.IdempotencyStore`, in memory, in a file and in Redis."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.errors import ErrorCode, IdempotencyInProgress, IdempotencyMismatch, OutcomeKind, Overloaded
from services.ports import Answer, First, Orphaned, Replay, Unsettled
from tests.support.keys import DELIVERED, FAILED, LEASE_SECONDS, Replicas, claim, replicas, soon
from tests.support.valkey import ValkeyServer

ALL = ("in_process", "file", "redis")
LASTING = ("file", "redis")


@pytest.fixture
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Replicas]:
    async with replicas(request.param, tmp_path, lambda: str(request.getfixturevalue("valkey_url"))) as given:
        yield given


every = pytest.mark.parametrize("opened", ALL, indirect=True)
lasting = pytest.mark.parametrize("opened", LASTING, indirect=True)


@every
@pytest.mark.parametrize("answer", [DELIVERED, FAILED], ids=["delivered", "failed"])
async def test_an_answer_is_replayed_whole_and_everywhere(opened: Replicas, answer: Answer) -> None:
    here, there = await opened.open(), await opened.open()
    assert await here.begin(claim(), "a", soon()) == First()
    await here.finish(claim(), "a", answer)
    assert await here.begin(claim(), "b", soon()) == Replay(answer)
    assert await there.begin(claim(), "c", soon()) == Replay(answer)


@every
async def test_another_request_under_the_same_key_is_refused_while_it_runs_and_after(opened: Replicas) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    for store in (here, there):
        with pytest.raises(IdempotencyMismatch):
            await store.begin(claim(fingerprint="other"), "b", soon())
    await here.finish(claim(), "a", DELIVERED)
    for store in (here, there):
        with pytest.raises(IdempotencyMismatch):
            await store.begin(claim(fingerprint="other"), "b", soon())


@every
async def test_keys_are_the_callers_own(opened: Replicas) -> None:
    store = await opened.open()
    for caller, key in (("a", "bc"), ("ab", "c"), ("a\0b", "c"), ("ä👋\ud800", "k" * 255)):
        assert await store.begin(claim(key, client_id=caller), "a", soon()) == First()


@every
async def test_ten_at_once_on_two_replicas_run_once_and_hear_the_same(opened: Replicas) -> None:
    stores = [await opened.open(), await opened.open()]
    began = [asyncio.create_task(stores[n % 2].begin(claim(), str(n), soon())) for n in range(10)]
    done, waiting = await asyncio.wait(began, return_when=asyncio.FIRST_COMPLETED)
    [first] = done
    assert first.result() == First()
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in waiting)
    number = began.index(first)
    await stores[number % 2].finish(claim(), str(number), DELIVERED)
    assert {repr(await task) for task in waiting} == {repr(Replay(DELIVERED))}


@every
async def test_the_end_is_noticed_soon_in_another_replica(opened: Replicas) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    waiting = asyncio.create_task(there.begin(claim(), "b", soon()))
    await asyncio.sleep(0.3)
    await here.finish(claim(), "a", DELIVERED)
    ended = time.monotonic()
    assert await waiting == Replay(DELIVERED)
    assert time.monotonic() - ended < 5  # long before its deadline


@every
async def test_who_waits_gives_up_at_the_deadline_here_and_there(opened: Replicas) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    for store in (here, there):
        began = time.monotonic()
        with pytest.raises(IdempotencyInProgress) as refused:
            await store.begin(claim(), "b", soon(0.1))
        assert 0.09 < time.monotonic() - began < 5
        assert refused.value.retry_after_seconds


@every
async def test_a_freed_key_goes_to_exactly_one_of_those_that_wait(opened: Replicas) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    stores = [here, there] * 2
    waiting = [asyncio.create_task(store.begin(claim(), str(n), soon())) for n, store in enumerate(stores)]
    await asyncio.sleep(0.05)
    await here.finish(claim(), "a", None)
    (first,), others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert first.result() == First()
    await asyncio.sleep(0.3)
    assert not any(task.done() for task in others)
    number = waiting.index(first)
    await stores[number].finish(claim(), str(number), DELIVERED)
    assert [await task for task in others] == [Replay(DELIVERED)] * 3


@every
async def test_who_is_cancelled_while_it_waits_or_takes_the_key_holds_nothing(opened: Replicas) -> None:
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    waiting = asyncio.create_task(store.begin(claim(), "b", soon()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await store.finish(claim(), "a", None)
    for number in range(20):
        taking = asyncio.create_task(store.begin(claim(f"k{number}"), "c", soon()))
        for _ in range(number % 5):
            await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait((taking,))
        if not taking.cancelled():
            await store.finish(claim(f"k{number}"), "c", None)
        assert await store.begin(claim(f"k{number}"), "d", soon()) == First()
    assert await store.begin(claim(), "d", soon()) == First()


@every
async def test_only_the_holder_holds(opened: Replicas) -> None:
    store = await opened.open()
    assert not store.holds(claim(), "a")
    await store.begin(claim(), "a", soon())
    assert store.holds(claim(), "a")
    assert not store.holds(claim(), "b")
    assert not store.holds(claim("other"), "a")
    await store.finish(claim(), "a", DELIVERED)
    assert not store.holds(claim(), "a")


@every
async def test_a_key_is_forgotten_when_its_time_is_over(opened: Replicas) -> None:
    opened.bounds.kept_seconds = 1.0
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    await store.finish(claim(), "a", DELIVERED)
    assert await store.begin(claim(), "b", soon()) == Replay(DELIVERED)
    await asyncio.sleep(1.05)
    assert await store.begin(claim(), "c", soon()) == First()


@every
async def test_past_the_bound_the_oldest_answered_key_is_forgotten_and_never_one_that_runs(opened: Replicas) -> None:
    opened.bounds.most_keys = 3
    store = await opened.open()
    await store.begin(claim("runs"), "r", soon())
    for number in range(4):
        await asyncio.sleep(0.002)
        assert await store.begin(claim(f"k{number}"), "a", soon()) == First()
        await store.finish(claim(f"k{number}"), "a", DELIVERED)
    assert await store.begin(claim("k3"), "b", soon()) == Replay(DELIVERED)
    with pytest.raises(IdempotencyInProgress):
        await store.begin(claim("runs"), "b", soon(0.05))
    assert await store.begin(claim("k0"), "b", soon()) == First()


@every
async def test_nobody_pushes_out_the_keys_of_others(opened: Replicas) -> None:
    opened.bounds.most_keys = 4
    store = await opened.open()
    for client_id, count in (("calm", 2), ("loud", 9)):
        for number in range(count):
            mine = claim(f"k{number}", client_id=client_id)
            assert await store.begin(mine, "a", soon()) == First()
            await store.finish(mine, "a", DELIVERED)
            await asyncio.sleep(0.002)
    for number in range(2):
        assert await store.begin(claim(f"k{number}", client_id="calm"), "b", soon()) == Replay(DELIVERED)
    assert await store.begin(claim("k8", client_id="loud"), "b", soon()) == Replay(DELIVERED)


@every
async def test_requests_that_never_got_an_answer_take_no_room_from_those_that_do(opened: Replicas) -> None:
    opened.bounds.most_keys = 50
    store = await opened.open()
    for number in range(40):
        await store.begin(claim(f"open{number}"), "a", soon())
        await store.finish(claim(f"open{number}"), "a", Unsettled(FAILED))
    await asyncio.sleep(0.002)
    for number in range(70):
        assert await store.begin(claim(f"k{number}"), "a", soon()) == First()
        await store.finish(claim(f"k{number}"), "a", DELIVERED)
    assert await store.begin(claim("k69"), "b", soon()) == Replay(DELIVERED)
    assert isinstance(await store.begin(claim("open0"), "b", soon()), Orphaned)


@every
async def test_when_all_keys_run_there_is_no_room_for_more(opened: Replicas) -> None:
    opened.bounds.most_keys = 2
    store = await opened.open()
    for key in ("a", "b"):
        await store.begin(claim(key), key, soon())
    with pytest.raises(Overloaded):
        await store.begin(claim("c"), "c", soon())


@lasting
async def test_a_failure_too_long_to_keep_keeps_its_meaning(opened: Replicas) -> None:
    assert FAILED.failure is not None
    store = await opened.open()
    endless = Answer("a", record={"x": "y" * 100_000})
    for key, answer in (("detail", long_failure()), ("record", endless)):
        await store.begin(claim(key), "a", soon())
        await store.finish(claim(key), "a", answer)
    kept = await store.begin(claim("detail"), "b", soon())
    assert isinstance(kept, Replay)
    assert kept.answer.failure is not None
    assert kept.answer.failure.code is FAILED.failure.code
    assert len(kept.answer.failure.detail) == 2000
    lost = await store.begin(claim("record"), "b", soon())
    assert isinstance(lost, Replay)
    assert lost.answer.failure is not None
    assert (lost.answer.failure.code, lost.answer.failure.outcome) == (ErrorCode.OUTCOME_UNKNOWN, OutcomeKind.UNKNOWN)


def long_failure() -> Answer:
    assert FAILED.failure is not None
    return replace(FAILED, failure=replace(FAILED.failure, detail="ä" * 50_000))


@lasting
async def test_answers_survive_a_restart(opened: Replicas) -> None:
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    await store.finish(claim(), "a", DELIVERED)
    await opened.stack.aclose()
    assert await (await opened.open()).begin(claim(), "b", soon()) == Replay(DELIVERED)


@lasting
async def test_what_ran_when_its_process_ended_is_an_orphan_until_it_is_answered(opened: Replicas) -> None:
    opened.bounds.lease_seconds = LEASE_SECONDS
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    await opened.stack.aclose()
    opened.bounds.lease_seconds = 60.0
    store = await opened.open()
    for owner in ("b", "c"):
        begun = await store.begin(claim(), owner, soon())
        assert isinstance(begun, Orphaned)
        assert begun.action_id == "a"
        assert 0 <= begun.age_seconds < 20
        assert store.holds(claim(), owner)
        await store.finish(claim(), owner, None)
    assert isinstance(await store.begin(claim(), "d", soon()), Orphaned)
    with pytest.raises(IdempotencyInProgress):
        await store.begin(claim(), "e", soon(0.05))
    await store.finish(claim(), "d", DELIVERED)
    assert await store.begin(claim(), "f", soon()) == Replay(DELIVERED)


@every
async def test_what_is_unsettled_is_taken_over_by_one_that_repeats_it(opened: Replicas) -> None:
    here, there = await opened.open(), await opened.open()
    await here.begin(claim(), "a", soon())
    waiting = asyncio.create_task(there.begin(claim(), "b", soon()))
    await asyncio.sleep(0.1)
    await here.finish(claim(), "a", Unsettled(FAILED))
    begun = await waiting
    assert isinstance(begun, Orphaned)
    assert begun.action_id == "a"
    assert 0.1 <= begun.age_seconds < 20
    assert there.holds(claim(), "b")
    with pytest.raises(IdempotencyInProgress):
        await here.begin(claim(), "c", soon(0.1))
    with pytest.raises(IdempotencyMismatch):
        await here.begin(claim(fingerprint="other"), "c", soon())
    await there.finish(claim(), "b", None)
    again = await here.begin(claim(), "d", soon())
    assert isinstance(again, Orphaned)
    assert again.action_id == "a"
    await here.finish(claim(), "d", DELIVERED)
    assert await there.begin(claim(), "e", soon()) == Replay(DELIVERED)


@every
async def test_what_is_unsettled_is_forgotten_with_its_time(opened: Replicas) -> None:
    opened.bounds.kept_seconds = 0.3
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    await store.finish(claim(), "a", Unsettled(FAILED))
    await asyncio.sleep(0.35)
    assert await store.begin(claim(), "b", soon()) == First()


@lasting
async def test_what_is_unsettled_survives_a_restart(opened: Replicas) -> None:
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    await store.finish(claim(), "a", Unsettled(FAILED))
    await opened.stack.aclose()
    begun = await (await opened.open()).begin(claim(), "b", soon())
    assert isinstance(begun, Orphaned)
    assert begun.action_id == "a"


@pytest.mark.parametrize("opened", ["redis"], indirect=True)
async def test_what_is_unsettled_in_a_place_that_was_lost_is_remembered_as_it_is(
    opened: Replicas, valkey_server: ValkeyServer
) -> None:
    opened.bounds.lease_seconds = 600
    store = await opened.open()
    await store.begin(claim(), "a", soon())
    valkey_server.empty()
    await store.finish(claim(), "a", Unsettled(FAILED))
    assert await store.begin(claim(), "b", soon()) == Replay(FAILED)

import asyncio

import pytest

from services.errors import IdempotencyInProgress, Overloaded
from services.idempotency import InProcessIdempotencyStore
from services.ports import Answer, First, IdempotencyClaim, Replay
from tests.fakes import ManualClock

DAY_SECONDS = 24 * 3600


def claim(key: str = "k") -> IdempotencyClaim:
    return IdempotencyClaim("router", key, "same")


async def test_a_key_is_forgotten_after_a_day() -> None:
    clock = ManualClock()
    store = InProcessIdempotencyStore(clock)
    await store.begin(claim(), "a", deadline=1)
    await store.finish(claim(), "a", Answer("a"))
    clock.advance(DAY_SECONDS - 1)
    assert await store.begin(claim(), "b", deadline=clock.monotonic() + 1) == Replay(Answer("a"))
    clock.advance(2)
    assert await store.begin(claim(), "c", deadline=clock.monotonic() + 1) == First()


async def test_a_key_that_still_runs_is_never_forgotten_and_keeps_no_other_from_it() -> None:
    clock = ManualClock()
    store = InProcessIdempotencyStore(clock, most_keys=2)
    await store.begin(claim("running"), "a", deadline=1)
    await store.begin(claim("answered"), "b", deadline=1)
    await store.finish(claim("answered"), "b", Answer("b"))
    clock.advance(DAY_SECONDS + 1)
    assert await store.begin(claim("answered"), "c", deadline=0) == First()
    with pytest.raises(IdempotencyInProgress):
        await store.begin(claim("running"), "d", deadline=0)


async def test_who_waits_gives_up_at_the_deadline() -> None:
    store = InProcessIdempotencyStore(ManualClock())
    await store.begin(claim(), "a", deadline=1)
    async with asyncio.timeout(10):
        with pytest.raises(IdempotencyInProgress):
            await store.begin(claim(), "b", deadline=0.05)


async def test_a_freed_key_goes_to_exactly_one_of_those_that_wait() -> None:
    store = InProcessIdempotencyStore(ManualClock())
    await store.begin(claim(), "a", deadline=1)
    waiting = [asyncio.create_task(store.begin(claim(), str(n), deadline=0.2)) for n in range(3)]
    await asyncio.sleep(0)
    await store.finish(claim(), "a", None)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [result for result in results if result == First()] == [First()]
    assert sum(isinstance(result, IdempotencyInProgress) for result in results) == 2


async def test_the_number_of_keys_is_bounded() -> None:
    store = InProcessIdempotencyStore(ManualClock(), most_keys=2)
    await store.begin(claim("answered"), "a", deadline=1)
    await store.finish(claim("answered"), "a", Answer("a"))
    await store.begin(claim("running 1"), "b", deadline=1)
    await store.begin(claim("running 2"), "c", deadline=1)
    with pytest.raises(Overloaded):
        await store.begin(claim("one too many"), "d", deadline=1)

import asyncio

import pytest

from services.budget import Budget


async def runs_out(budget: Budget) -> None:
    with pytest.raises(TimeoutError):
        async with budget.within():
            await asyncio.Event().wait()


async def test_what_a_step_leaves_is_the_next_ones() -> None:
    whole = Budget.of(30)
    first = whole.less(10)
    assert 19 < first.left_seconds <= 20
    assert 4 < first.less(15).left_seconds <= 5
    assert first.less(25).left_seconds == 0


async def test_what_is_used_up_ends_at_the_first_wait() -> None:
    await runs_out(Budget.of(0))
    await runs_out(Budget.of(10).less(20))
    async with Budget.of(0).within():
        pass


async def test_a_cut_ends_the_waits_of_every_part() -> None:
    whole = Budget.of(600)
    waits = [asyncio.create_task(runs_out(part)) for part in (whole, whole.less(1), whole.less(1).less(1))]
    await asyncio.sleep(0)
    whole.less(1).cut(0.05)
    async with asyncio.timeout(5):
        await asyncio.gather(*waits)
    assert whole.left_seconds <= 0.05


async def test_a_cut_never_gives_more() -> None:
    whole = Budget.of(5)
    whole.cut(600)
    assert whole.left_seconds <= 5


async def test_tasks_are_waited_for_and_not_cancelled() -> None:
    quick, slow = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(asyncio.sleep(600))
    await Budget.of(0.05).wait([quick, slow])
    assert quick.done()
    assert not slow.done()
    slow.cancel()
    await Budget.of(5).wait([slow])
    assert slow.cancelled()


async def test_a_failure_inside_passes_through() -> None:
    budget = Budget.of(5)
    with pytest.raises(KeyError):
        async with budget.within():
            raise KeyError
    budget.cut(0)
    await budget.run_out()

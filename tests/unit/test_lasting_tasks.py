"""Tasks that go on whatever goes wrong in them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest

from services import lasting_tasks
from services.lasting_tasks import breaks_told_to, lasting


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The names of tasks that broke."""
    names: list[str] = []
    with breaks_told_to(names.append):
        yield names


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the task pauses, which it then does not."""
    taken: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        taken.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    return taken


def breaking(times: int, exc: BaseException) -> tuple[Callable[[], Awaitable[None]], asyncio.Event]:
    """Work that raises so often, and then goes on for ever."""
    left, is_under_way = iter(range(times)), asyncio.Event()

    async def work() -> None:
        if next(left, None) is not None:
            raise exc
        is_under_way.set()
        await asyncio.Event().wait()

    return work, is_under_way


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()


async def test_work_that_raises_goes_on_and_is_told_of(
    told: list[str], pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    work, is_under_way = breaking(3, KeyError("nobody thought of it"))
    task = lasting(work, "watch")
    async with asyncio.timeout(5):
        await is_under_way.wait()
    assert told == ["watch"] * 3
    assert pauses == [0.1, 0.2, 0.4]
    lines = [record for record in caplog.records if record.name == "services.lasting_tasks"]
    assert [(line.levelno, line.exc_info is not None) for line in lines] == [(logging.ERROR, True)] * 3
    await end(task)


async def test_the_pause_is_bounded(told: list[str], pauses: list[float]) -> None:
    work, is_under_way = breaking(12, ValueError())
    task = lasting(work, "watch")
    async with asyncio.timeout(5):
        await is_under_way.wait()
    assert max(pauses) == pauses[-1] == lasting_tasks.LONGEST_PAUSE_SECONDS
    assert len(told) == 12
    await end(task)


async def test_what_ran_well_for_long_pauses_as_at_first(
    told: list[str], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting_tasks, "WELL_AFTER_SECONDS", 0.0)
    work, is_under_way = breaking(3, ValueError())
    task = lasting(work, "watch")
    async with asyncio.timeout(5):
        await is_under_way.wait()
    assert pauses == [lasting_tasks.FIRST_PAUSE_SECONDS] * 3
    await end(task)


async def test_a_cancelled_wait_is_not_the_end_of_who_waits(told: list[str], pauses: list[float]) -> None:
    work, is_under_way = breaking(1, asyncio.CancelledError())
    task = lasting(work, "watch")
    async with asyncio.timeout(5):
        await is_under_way.wait()
    assert told == ["watch"]
    await end(task)


async def test_it_can_be_cancelled_while_it_pauses(told: list[str]) -> None:
    work, _ = breaking(10**6, ValueError())
    task = lasting(work, "watch")
    async with asyncio.timeout(5):
        while not told:  # noqa: ASYNC110 -- a list has no event
            await asyncio.sleep(0)
    await end(task)


async def test_work_that_breaks_while_it_is_cancelled_ends(told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    is_under_way, begun = asyncio.Event(), []

    async def work() -> None:
        begun.append(1)
        is_under_way.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("what it had open would not close")

    task = lasting(work, "watch")
    await is_under_way.wait()
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait((task,))
    assert task.cancelled()
    assert (told, begun) == ([], [1])
    assert [record.exc_info is not None for record in caplog.records] == [True]


async def test_work_that_comes_to_its_end_ends(told: list[str]) -> None:
    async def work() -> None:
        return

    task = lasting(work, "watch")
    await task
    assert told == []

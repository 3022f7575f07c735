import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.budget import Budget
from services.lifecycle.stopping import KEPT_SECONDS, BoundedStack, Stop

GRACES = [1.0, 3.0, 20.0, 600.0]


def lefts(stop: Stop) -> list[float]:
    parts = (stop.pause, stop.actions, stop.answers, stop.letting_go, stop.record)
    return [part.left_seconds for part in parts]


@pytest.mark.parametrize("grace", GRACES)
async def test_all_of_it_fits_into_pause_and_grace_in_order(grace: float) -> None:
    stop = Stop(2, grace)
    stop.ask()
    told = lefts(stop)
    assert told == sorted(told)
    assert len({round(left, 2) for left in told}) == len(told)
    assert told[0] <= 2
    assert told[-1] <= 2 + grace
    assert told[1] - told[0] >= grace / 2 - 0.01  # the actions have at least half of it


@pytest.mark.parametrize("grace", GRACES)
async def test_a_second_signal_leaves_what_is_kept_for_the_steps_after_the_actions(grace: float) -> None:
    stop = Stop(30, grace)
    stop.ask()
    assert not stop.is_hurried.is_set()
    for _ in range(2):
        stop.ask()
    assert stop.is_hurried.is_set()
    assert (stop.pause.left_seconds, stop.actions.left_seconds) == (0, 0)
    assert 0 < stop.answers.left_seconds < stop.letting_go.left_seconds < stop.record.left_seconds <= KEPT_SECONDS


async def test_whoever_watches_the_stop_hears_of_it_once_whoever_asks() -> None:
    told: list[float] = []
    stop = Stop(2, 20, on_asked=told.append)
    for _ in range(3):
        stop.ask()
    assert told == [22]


class Record:
    """A part of the record that takes all it is given."""

    def __init__(self) -> None:
        self.given = 0.0

    async def start(self) -> None: ...

    async def close(self, budget: Budget) -> None:
        self.given = budget.left_seconds
        await budget.run_out()


@asynccontextmanager
async def hangs(events: list[str], name: str) -> AsyncIterator[str]:
    try:
        yield name
    finally:
        events.append(f"{name} leaves")
        await asyncio.Event().wait()


async def test_nothing_on_the_stack_takes_longer_than_it_may(caplog: pytest.LogCaptureFixture) -> None:
    events: list[str] = []
    record, stop = Record(), Stop(0, 1)
    began = asyncio.get_running_loop().time()
    async with BoundedStack(stop) as stack:
        assert await stack.enter_async_context(hangs(events, "link")) == "link"
        await stack.hold(record)
        for name in ("first", "second"):
            await stack.enter_async_context(hangs(events, name))
        stop.ask()
        stop.ask()
    took = asyncio.get_running_loop().time() - began
    assert events == ["second leaves", "first leaves", "link leaves"]
    assert record.given > 0  # whatever hung before could not take it
    assert took < 1 + 0.5
    assert [line.getMessage() for line in caplog.records].count("it did not close in time") == 3

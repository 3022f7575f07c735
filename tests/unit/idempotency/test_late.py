import asyncio
from collections.abc import Collection

import pytest

from services.idempotency import late
from services.idempotency.late import Late
from services.idempotency.table import KeysAway, Place
from services.ports import Ending, First, Unsettled
from tests.support.keys import DELIVERED
from tests.support.record import eventually


class AwayTable:
    """A table that takes nothing while it is away, and remembers what it took."""

    def __init__(self) -> None:
        self.is_away = True
        self.settled: list[tuple[Place, str, Ending]] = []

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def claim(self, place: Place, fingerprint: str, owner: str) -> First:
        return First()

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        if self.is_away:
            raise KeysAway("away", may_have_claimed=False)
        self.settled.append((place, owner, ending))

    async def running(self, places: Collection[Place]) -> set[Place]:
        return set()

    def holds(self, place: Place, owner: str) -> bool:
        return True


class BreakingTable(AwayTable):
    """A table that one place breaks in a way that nobody foresaw."""

    def __init__(self, breaking: Place) -> None:
        super().__init__()
        self.is_away = False
        self.is_broken = True
        self._breaking = breaking

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        if self.is_broken and place == self._breaking:
            raise RuntimeError("nobody foresaw this")
        await super().settle(place, fingerprint, owner, ending)


def place(number: int) -> Place:
    return Place("caller", str(number))


async def test_what_waits_is_bounded_and_the_oldest_is_given_up() -> None:
    table = AwayTable()
    waiting = Late(table)
    for number in range(late.MOST_LATE + 3):
        waiting.add(place(number), "same", "a", DELIVERED)
    assert waiting.answer(place(2)) is None
    assert waiting.answer(place(3)) is not None
    table.is_away = False
    await waiting.close()
    assert len(table.settled) == late.MOST_LATE
    assert waiting.answer(place(3)) is None


async def test_it_is_written_as_soon_as_the_table_takes_it() -> None:
    table = AwayTable()
    waiting = Late(table)
    waiting.add(place(1), "same", "a", DELIVERED)
    waiting.add(place(1), "same", "b", None)
    await asyncio.sleep(2 * late.PAUSE_SECONDS)
    assert table.settled == []
    table.is_away = False
    await eventually(lambda: len(table.settled) == 2)
    assert table.settled == [(place(1), "a", DELIVERED), (place(1), "b", None)]
    assert waiting.answer(place(1)) is None
    await waiting.close()


async def test_closing_does_not_hang_on_a_table_that_is_away() -> None:
    waiting = Late(AwayTable())
    waiting.add(place(1), "same", "a", None)
    async with asyncio.timeout(late.CLOSE_SECONDS + 10):
        await waiting.close()


async def test_what_is_unsettled_is_no_answer_to_replay() -> None:
    table = AwayTable()
    waiting = Late(table)
    waiting.add(place(1), "same", "a", Unsettled(DELIVERED))
    assert waiting.answer(place(1)) is None
    table.is_away = False
    await waiting.close()
    assert table.settled == [(place(1), "a", Unsettled(DELIVERED))]


async def test_one_that_breaks_the_table_keeps_no_other_from_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "PAUSE_SECONDS", 0.01)
    table = BreakingTable(place(0))
    waiting = Late(table)
    for number in range(3):
        waiting.add(place(number), "same", "a", DELIVERED)
    async with asyncio.timeout(5):
        while len(table.settled) < 2:  # noqa: ASYNC110 -- a list has no event
            await asyncio.sleep(0.01)
    assert {settled for settled, _, _ in table.settled} == {place(1), place(2)}
    table.is_broken = False
    await waiting.close()
    assert len(table.settled) == 3

import asyncio

import pytest

from services.discord.slots import WAITING_PER_SLOT, Slots
from services.errors import DeadlineExceeded, Overloaded
from services.ports import Priority
from tests.unit.discord.calls import SystemClock

CLOCK = SystemClock()
NEVER = 1e9
A, B = "a", "b"


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_no_more_than_the_number_are_out_at_once() -> None:
    slots = Slots(3, CLOCK)
    out = most = 0

    async def use() -> None:
        nonlocal out, most
        await slots.take(Priority.ORDINARY, NEVER, A)
        out += 1
        most = max(most, out)
        await asyncio.sleep(0.001)
        out -= 1
        slots.give_back()

    await asyncio.gather(*(use() for _ in range(30)))
    assert (most, slots.free_count, slots.waiting_count) == (3, 3, 0)


async def test_moderation_goes_first_and_equals_keep_their_order() -> None:
    slots = Slots(1, CLOCK)
    await slots.take(Priority.ORDINARY, NEVER, A)
    served: list[str] = []

    async def use(name: str, priority: Priority) -> None:
        await slots.take(priority, NEVER, A)
        served.append(name)
        slots.give_back()

    names = [
        ("bulk", Priority.BULK),
        ("one", Priority.ORDINARY),
        ("two", Priority.ORDINARY),
        ("ban", Priority.MODERATION),
    ]
    tasks = [asyncio.create_task(use(name, priority)) for name, priority in names]
    await settle()
    slots.give_back()
    await asyncio.gather(*tasks)
    assert served == ["ban", "one", "two", "bulk"]


async def test_a_wait_ends_at_its_deadline_and_leaves_no_trace() -> None:
    slots = Slots(1, CLOCK)
    await slots.take(Priority.ORDINARY, NEVER, A)
    with pytest.raises(DeadlineExceeded):
        await slots.take(Priority.ORDINARY, CLOCK.monotonic() + 0.02, A)
    assert slots.waiting_count == 0
    slots.give_back()
    assert slots.free_count == 1


async def test_a_cancelled_wait_leaves_no_trace() -> None:
    slots = Slots(1, CLOCK)
    await slots.take(Priority.ORDINARY, NEVER, A)
    waiting = asyncio.create_task(slots.take(Priority.ORDINARY, NEVER, A))
    await settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slots.waiting_count == 0
    slots.give_back()
    assert slots.free_count == 1


async def test_a_place_given_at_the_moment_of_cancelling_goes_to_the_next() -> None:
    slots = Slots(1, CLOCK)
    await slots.take(Priority.ORDINARY, NEVER, A)
    first = asyncio.create_task(slots.take(Priority.ORDINARY, NEVER, A))
    second = asyncio.create_task(slots.take(Priority.ORDINARY, NEVER, A))
    await settle()
    slots.give_back()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await asyncio.wait_for(second, 10)
    slots.give_back()
    assert slots.free_count == 1


async def test_moderation_finds_room_in_a_full_queue_and_is_bounded_as_well() -> None:
    slots = Slots(1, CLOCK)
    await slots.take(Priority.ORDINARY, NEVER, A)
    half = range(WAITING_PER_SLOT // 2)
    waiting = [
        asyncio.create_task(slots.take(priority, NEVER, who))
        for priority in (Priority.ORDINARY, Priority.MODERATION)
        for who in (A, B)
        for _ in half
    ]
    await settle()
    assert slots.waiting_count == len(waiting) == 2 * WAITING_PER_SLOT
    with pytest.raises(Overloaded):
        await slots.take(Priority.MODERATION, NEVER, "c")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert slots.waiting_count == 0


async def test_the_queue_is_bounded_and_half_of_it_is_left_for_others() -> None:
    slots = Slots(1, CLOCK)
    await slots.take(Priority.ORDINARY, NEVER, A)
    half = range(WAITING_PER_SLOT // 2)
    waiting = [asyncio.create_task(slots.take(Priority.ORDINARY, NEVER, A)) for _ in half]
    await settle()
    with pytest.raises(Overloaded):
        await slots.take(Priority.ORDINARY, NEVER, A)
    waiting += [asyncio.create_task(slots.take(Priority.ORDINARY, NEVER, B)) for _ in half]
    await settle()
    assert slots.waiting_count == WAITING_PER_SLOT
    with pytest.raises(Overloaded):
        await slots.take(Priority.ORDINARY, NEVER, "c")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert slots.waiting_count == 0
    again = asyncio.create_task(slots.take(Priority.ORDINARY, NEVER, A))
    slots.give_back()
    await again

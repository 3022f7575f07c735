"""One action at a time on one member, whatever it takes until it has ended."""

import asyncio
from dataclasses import replace

import pytest

from config import LimitSettings
from services.discord import DiscordClient
from services.discord import turns as turns_module
from services.discord.rate_limit import InProcessRateLimiter, Lane, Permit
from services.discord.retry import RetryPolicy
from services.discord.turns import Turn, Turns
from services.errors import DeadlineExceeded, Overloaded, RateLimited
from services.ports import Call, Priority
from tests.unit.discord.calls import SystemClock, ban, delivery, settings
from tests.unit.discord.clients import Counted, client_of, until
from tests.unit.discord.open_limiter import DROPPED, ListedPermit, OpenLimiter
from tests.unit.discord.raw_server import VIA, Exchange, RawServer, resets, says

OK = says(204)
MEMBER = "1/42"
ADDED, REMOVED, BANNED = "PUT role", "DELETE role", "PUT ban"


def role(method: str) -> Call:
    return Call(
        "PUT" if method == "PUT" else "DELETE",
        "/guilds/{guild_id}/members/{user_id}/roles/{role_id}",
        {"guild_id": "1", "user_id": "42", "role_id": "7"},
        major="1",
        entity=MEMBER,
    )


def arrived(server: RawServer) -> list[str]:
    return [f"{one.method} {'ban' if 'bans' in one.target else 'role'}" for one in server.received]


async def slow(exchange: Exchange) -> None:
    """An answer that takes its time."""
    await asyncio.sleep(0.3)
    await OK(exchange)


SURE_PAUSE = RetryPolicy(3, 0.3, jitter=lambda: 1.0)


async def test_what_is_tried_again_does_not_undo_what_was_asked_after_it() -> None:
    observer = Counted()
    async with RawServer.serving(resets, OK) as server, client_of(server, observer=observer) as client:
        client._policy = SURE_PAUSE
        adding = asyncio.create_task(client.send(role("PUT"), delivery()))
        await until(lambda: observer.retries)
        await client.send(role("DELETE"), delivery())
        await adding
        assert arrived(server) == [ADDED, ADDED, REMOVED]
        assert client.describe()["entities"] == {"held": 0, "waiting": 0}


async def test_a_ban_does_not_wait_for_a_pause_of_another_action() -> None:
    observer = Counted()
    async with RawServer.serving(resets, OK) as server, client_of(server, observer=observer) as client:
        client._policy = SURE_PAUSE
        adding = asyncio.create_task(client.send(role("PUT"), delivery()))
        await until(lambda: observer.retries)
        removing = asyncio.create_task(client.send(role("DELETE"), delivery()))
        await client.send(replace(ban(), entity=MEMBER), delivery(priority=Priority.MODERATION))
        await asyncio.gather(adding, removing)
        assert arrived(server) == [ADDED, BANNED, ADDED, REMOVED]


class ParkedRoles(OpenLimiter):
    """Roles wait for a limit of theirs; nothing else does."""

    async def acquire(self, lane: Lane, *, priority: Priority, deadline: float, client_id: str) -> Permit:
        if "roles" in lane.route:
            return await super().acquire(lane, priority=priority, deadline=deadline, client_id=client_id)
        return ListedPermit([], [])


async def test_a_ban_does_not_wait_for_a_limit_that_another_action_waits_for() -> None:
    limiter = ParkedRoles()
    limiter.is_open.clear()
    async with RawServer.serving(OK) as server, client_of(server, limiter) as client:
        adding = asyncio.create_task(client.send(role("PUT"), delivery()))
        await until(lambda: limiter.waiting)
        await client.send(replace(ban(), entity=MEMBER), delivery(priority=Priority.MODERATION))
        limiter.is_open.set()
        await adding
        assert arrived(server) == [BANNED, ADDED]
        assert limiter.statuses == [204]


async def test_leave_that_comes_while_another_has_gone_in_between_is_given_back() -> None:
    limiter = ParkedRoles()
    limiter.is_open.clear()
    async with RawServer.serving(slow, OK) as server, client_of(server, limiter) as client:
        adding = asyncio.create_task(client.send(role("PUT"), delivery()))
        await until(lambda: limiter.waiting)
        banning = asyncio.create_task(
            client.send(replace(ban(), entity=MEMBER), delivery(priority=Priority.MODERATION))
        )
        await until(lambda: server.received)
        limiter.is_open.set()
        await asyncio.gather(adding, banning)
        assert arrived(server) == [BANNED, ADDED]
        assert limiter.statuses == [DROPPED, 204]


async def test_an_action_that_is_stopped_in_a_pause_lets_the_next_one_go() -> None:
    observer = Counted()
    async with RawServer.serving(resets, OK) as server, client_of(server, observer=observer) as client:
        client._policy = RetryPolicy(3, 60.0, jitter=lambda: 0.1)
        adding = asyncio.create_task(client.send(role("PUT"), delivery(seconds=60)))
        await until(lambda: observer.retries)
        removing = asyncio.create_task(client.send(role("DELETE"), delivery()))
        await until(lambda: client.describe()["entities"]["waiting"])
        adding.cancel()
        await removing
        assert arrived(server) == [ADDED, REMOVED]


async def test_what_would_wait_in_vain_behind_another_is_refused_at_once() -> None:
    rests = says(429, {"retry_after": 40.0, "global": False}, headers=f"{VIA}Retry-After: 40\r\n")
    limiter = InProcessRateLimiter(LimitSettings(), SystemClock())
    async with (
        RawServer.serving(rests) as server,
        DiscordClient(settings(server.base_url), "1.0.0", limiter, SystemClock()) as client,
    ):
        adding = asyncio.create_task(client.send(role("PUT"), delivery(seconds=100)))
        await until(limiter.figures()["limit_waiting"])
        with pytest.raises(RateLimited) as refusal:
            await client.send(role("PUT"), delivery(seconds=20))
        assert refusal.value.retry_after_seconds == pytest.approx(40, abs=5)
        adding.cancel()
        await asyncio.wait((adding,))
        assert len(server.received) == 1
    limiter.close()


# ── the line by itself ──


def turn_of(turns: Turns, priority: Priority = Priority.ORDINARY, seconds: float = 10.0, who: str = "router") -> Turn:
    turn = turns.of(MEMBER, delivery(seconds=seconds, priority=priority, client_id=who))
    assert turn is not None
    return turn


async def begins(turns: Turns, turn: Turn) -> None:
    """Takes it, and begins an attempt."""
    await turns.take(turn)
    assert turns.begin(turn)


async def waits(turns: Turns, turn: Turn) -> asyncio.Task[None]:
    """Takes it, in a task that has begun to wait."""
    task = asyncio.create_task(turns.take(turn))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_moderation_goes_first_and_equals_keep_their_order() -> None:
    turns, served = Turns(SystemClock()), []
    first = turn_of(turns)
    await begins(turns, first)

    async def use(name: str, priority: Priority) -> None:
        turn = turn_of(turns, priority)
        await begins(turns, turn)
        served.append(name)
        turns.leave(turn)

    names = [("bulk", Priority.BULK), ("one", Priority.ORDINARY), ("two", Priority.ORDINARY)]
    tasks = [asyncio.create_task(use(name, priority)) for name, priority in [*names, ("ban", Priority.MODERATION)]]
    await asyncio.sleep(0)
    turns.leave(first)
    await asyncio.gather(*tasks)
    assert served == ["ban", "one", "two", "bulk"]
    assert (len(turns), turns.waiting_count) == (0, 0)


async def test_a_ban_that_waits_goes_as_soon_as_the_other_rests_and_then_gives_way() -> None:
    turns = Turns(SystemClock())
    role_write, later, moderation = turn_of(turns), turn_of(turns), turn_of(turns, Priority.MODERATION)
    await begins(turns, role_write)
    waiting = [await waits(turns, later), await waits(turns, moderation)]
    turns.rest(role_write)
    await waiting[1]
    going_on = await waits(turns, role_write)
    turns.leave(moderation)
    await going_on
    assert not waiting[0].done()
    turns.leave(role_write)
    await waiting[0]
    turns.leave(later)
    assert len(turns) == 0


async def test_who_was_passed_and_goes_away_leaves_no_trace() -> None:
    turns = Turns(SystemClock())
    role_write, moderation = turn_of(turns), turn_of(turns, Priority.MODERATION)
    await begins(turns, role_write)
    turns.rest(role_write)
    await turns.take(moderation)
    turns.leave(role_write)
    turns.leave(moderation)
    assert len(turns) == 0


async def test_a_turn_that_was_passed_before_its_attempt_is_to_be_taken_again() -> None:
    turns = Turns(SystemClock())
    first, second, moderation = turn_of(turns), turn_of(turns), turn_of(turns, Priority.MODERATION)
    await begins(turns, first)
    waiting = await waits(turns, second)
    turns.leave(first)
    await begins(turns, moderation)
    await waiting
    assert not turns.begin(second)
    again = await waits(turns, second)
    turns.leave(moderation)
    await again
    assert turns.begin(second)
    turns.leave(second)
    assert len(turns) == 0


@pytest.mark.parametrize("other", [Priority.MODERATION, Priority.ORDINARY, Priority.BULK])
async def test_between_actions_of_moderation_nobody_goes(other: Priority) -> None:
    turns = Turns(SystemClock())
    ban_turn, another = turn_of(turns, Priority.MODERATION), turn_of(turns, other)
    await begins(turns, ban_turn)
    waiting = await waits(turns, another)
    turns.rest(ban_turn)
    await asyncio.sleep(0)
    assert not waiting.done()
    turns.leave(ban_turn)
    await waiting


async def test_a_wait_ends_at_its_deadline_and_leaves_no_trace() -> None:
    turns = Turns(SystemClock())
    first, late = turn_of(turns), turn_of(turns, seconds=0.02)
    await begins(turns, first)
    with pytest.raises(DeadlineExceeded):
        await turns.take(late)
    turns.leave(late)
    assert turns.waiting_count == 0
    turns.leave(first)
    assert len(turns) == 0


async def test_a_turn_that_comes_as_its_taker_is_cancelled_goes_on_to_the_next() -> None:
    turns = Turns(SystemClock())
    first, second, third = turn_of(turns), turn_of(turns), turn_of(turns)
    await begins(turns, first)
    waiting = [await waits(turns, second), await waits(turns, third)]
    turns.leave(first)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    turns.leave(second)
    await waiting[1]
    turns.leave(third)
    assert len(turns) == 0


async def test_the_line_and_the_callers_part_of_all_lines_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "MOST_WAITING", 2)
    monkeypatch.setattr(turns_module, "MOST_OF_A_CALLER", 2)
    turns = Turns(SystemClock())
    first = turn_of(turns)
    await begins(turns, first)
    tasks = [await waits(turns, turn_of(turns, who=who)) for who in ("a", "b")]
    with pytest.raises(Overloaded):
        await turns.take(turn_of(turns, who="c"))
    other = turns.of("9/9", delivery())
    await turns.take(other)
    mine = [turns.of("9/9", delivery(client_id="a")) for _ in range(2)]
    tasks.append(asyncio.create_task(turns.take(mine[0])))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await turns.take(mine[1])
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_caller_cannot_fill_a_line_and_moderation_finds_room_in_a_full_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns_module, "MOST_WAITING", 2)
    monkeypatch.setattr(turns_module, "MOST_OF_A_CALLER", 1)
    turns = Turns(SystemClock())
    await begins(turns, turn_of(turns))
    tasks = [await waits(turns, turn_of(turns, who="a"))]
    with pytest.raises(Overloaded):
        await turns.take(turn_of(turns, who="a"))
    tasks.append(await waits(turns, turn_of(turns, who="b")))
    with pytest.raises(Overloaded):
        await turns.take(turn_of(turns, who="c"))
    tasks += [await waits(turns, turn_of(turns, Priority.MODERATION, who=who)) for who in ("a", "b")]
    with pytest.raises(Overloaded):
        await turns.take(turn_of(turns, Priority.MODERATION, who="c"))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

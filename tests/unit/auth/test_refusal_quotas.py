"""Which refusals count against whoever asked, and for how long it waits then."""

import asyncio

import pytest

from services.auth import RefusalQuotas, Windows
from services.errors import (
    ActionError,
    BotTokenInvalid,
    DiscordRejected,
    DiscordSaid,
    DiscordUnavailable,
    ErrorCode,
    OutcomeKind,
    RateLimited,
)
from services.ports import Call, Delivery, Priority, Repeat, Reply
from tests.fakes.clock import ManualClock
from tests.fakes.discord import ScriptedDiscord, Step, answers, fails

CALL = Call("GET", "/channels/{channel_id}", {"channel_id": "1"}, major="1")
FORBIDDEN = DiscordSaid(403, 50001)
DONE = Reply(200)


def refused(said: DiscordSaid = FORBIDDEN) -> Step:
    return fails(DiscordRejected(ErrorCode.DISCORD_MISSING_ACCESS, "no", discord=said))


def of(client_id: str) -> Delivery:
    async def nothing() -> None:
        return

    return Delivery(100.0, Priority.ORDINARY, Repeat.NEVER, frozenset(), client_id, nothing)


async def heard(way: RefusalQuotas, client_id: str = "loud") -> type[ActionError] | None:
    try:
        await way.send(CALL, of(client_id))
    except ActionError as exc:
        return type(exc)
    return None


def way_to(discord: ScriptedDiscord, clock: ManualClock, windows: Windows | None = None) -> RefusalQuotas:
    return RefusalQuotas(discord, windows or Windows(clock), clock, most_per_minute=2)


async def test_who_was_refused_too_often_waits_for_the_next_minute_and_nobody_else_does() -> None:
    clock, discord = ManualClock(), ScriptedDiscord(*[refused()] * 3, answers(DONE), answers(DONE))
    async with way_to(discord, clock) as way:
        assert [await heard(way) for _ in range(4)] == [DiscordRejected] * 3 + [RateLimited]
        assert await heard(way, "calm") is None
        assert len(discord.calls) == 4
        clock.advance(60)
        assert await heard(way) is None


NOT_COUNTED = {
    "unknown": refused(DiscordSaid(404, 10003)),
    "invalid": refused(DiscordSaid(400, 50035)),
    "the bot's token": fails(BotTokenInvalid(discord=DiscordSaid(401, 0))),
    "Cloudflare": fails(DiscordUnavailable("no", outcome=OutcomeKind.NOT_SENT, discord=DiscordSaid(403, 0))),
    "a limit": fails(RateLimited("no", retry_after_seconds=1)),
}


@pytest.mark.parametrize("case", NOT_COUNTED)
async def test_what_is_no_callers_fault_does_not_count(case: str) -> None:
    clock, discord = ManualClock(), ScriptedDiscord(*[NOT_COUNTED[case]] * 5, answers(DONE))
    async with way_to(discord, clock) as way:
        for _ in range(5):
            await heard(way)
        assert await heard(way) is None


class HangingWindows(Windows):
    """Counts that never come back, as from a Redis that hangs."""

    async def take(self, name: str, limit: int, cost: int = 1) -> float:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


async def test_counting_keeps_neither_the_action_nor_the_end_waiting() -> None:
    clock, discord = ManualClock(), ScriptedDiscord(refused())
    async with asyncio.timeout(5), way_to(discord, clock, HangingWindows(clock)) as way:
        assert await heard(way) is DiscordRejected

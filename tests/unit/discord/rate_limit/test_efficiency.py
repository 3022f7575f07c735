"""How much of the allowance is used, in virtual time, with 20 ms there and back; and never a 429."""

import asyncio
from dataclasses import dataclass

import pytest

from services.discord.rate_limit import InProcessRateLimiter
from services.ports import Priority
from tests.unit.discord.rate_limit.simulated import Discord, Kind, Rule, lane, send
from tests.unit.discord.rate_limit.virtual import clock, run

ROUND_TRIP = (0.01, 0.01)


@dataclass(frozen=True)
class Limits:
    global_per_second: int = 50
    per_channel_per_second: int = 5


async def hand_over(discord: Discord, channels: int, messages: int, limits: Limits | None = None) -> float:
    """All messages at once; the seconds until the last reply."""
    loop = clock()
    limiter = InProcessRateLimiter(limits or Limits(), loop)
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for channel in range(channels):
            for _ in range(messages):
                group.create_task(send(limiter, discord, lane(str(channel)), client_id=str(channel)))
    limiter.close()
    return loop.time() - began


@pytest.mark.parametrize(
    ("kind", "ideal", "share"), [("sliding", 45.0, 0.97), ("fixed", 46.0, 0.95), ("aligned", 46.0, 0.95)]
)
def test_twenty_channels_use_nearly_all_of_their_windows(kind: Kind, ideal: float, share: float) -> None:
    discord = Discord(lambda _: Rule(5, 5.0, kind), lambda _: ROUND_TRIP)
    taken = run(hand_over(discord, 20, 50))
    assert ideal / taken >= share
    assert not discord.refused
    assert discord.requests == 1_000


@pytest.mark.parametrize("kind", ["sliding", "fixed"])
def test_two_hundred_channels_use_nearly_all_of_the_global_limit(kind: Kind) -> None:
    discord = Discord(lambda _: Rule(5, 5.0, kind), lambda _: ROUND_TRIP)
    taken = run(hand_over(discord, 200, 5))
    assert 20.0 / taken >= 0.95
    assert not discord.refused
    assert discord.most_in_a_second() <= 50


def test_a_window_of_one_loses_little_more_than_its_round_trips() -> None:
    discord = Discord(lambda _: Rule(1, 0.25), lambda _: ROUND_TRIP)
    taken = run(hand_over(discord, 1, 50, Limits(per_channel_per_second=1_000)))
    assert taken <= 50 * (0.25 + sum(ROUND_TRIP) + 0.03)


def test_a_route_without_headers_opens_up_after_its_probe() -> None:
    discord = Discord(lambda _: None, lambda _: (0.1, 0.1), global_limit=1_000)
    taken = run(hand_over(discord, 1, 50, Limits(1_000, 1_000)))
    assert taken == pytest.approx(0.4, abs=0.01)


def test_the_ceiling_of_a_channel_holds_whatever_its_headers_allow() -> None:
    discord = Discord(lambda _: Rule(100, 1.0), lambda _: ROUND_TRIP, global_limit=3)
    taken = run(hand_over(discord, 1, 30, Limits(50, 3)))
    assert not discord.refused
    assert discord.most_in_a_second() == 3
    assert 9.0 <= taken <= 9.5


def test_the_ceiling_lets_a_burst_of_the_bucket_leave_at_once() -> None:
    discord = Discord(lambda _: Rule(5, 5.0), lambda _: ROUND_TRIP)
    assert run(hand_over(discord, 1, 5)) <= 0.05


def test_a_ban_passes_a_thousand_bulk_messages() -> None:
    async def play() -> float:
        discord = Discord(lambda _: Rule(5, 5.0), lambda _: ROUND_TRIP)
        limiter = InProcessRateLimiter(Limits(), clock())
        bulk = [
            asyncio.create_task(send(limiter, discord, lane(str(n // 5)), priority=Priority.BULK, client_id=str(n % 7)))
            for n in range(1_000)
        ]
        await asyncio.sleep(0.5)
        began = clock().time()
        ban = lane("9", method="PUT", route="/guilds/{guild_id}/bans/{user_id}")
        await send(limiter, discord, ban, priority=Priority.MODERATION)
        taken = clock().time() - began
        await asyncio.gather(*bulk)
        assert not discord.refused
        limiter.close()
        return taken

    assert run(play()) <= 1.2


def test_the_wait_of_one_channel_does_not_delay_another() -> None:
    async def play() -> float:
        discord = Discord(lambda _: Rule(1, 10.0), lambda _: ROUND_TRIP)
        limiter = InProcessRateLimiter(Limits(), clock())
        crowd = [asyncio.create_task(send(limiter, discord, lane("1"))) for _ in range(3)]
        await asyncio.sleep(0.5)
        began = clock().time()
        await send(limiter, discord, lane("2"))
        taken = clock().time() - began
        await asyncio.gather(*crowd)
        limiter.close()
        return taken

    assert run(play()) <= 0.021

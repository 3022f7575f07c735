"""Replicas that cannot reach each other, in virtual time: each keeps to its share of what it sees."""

import asyncio

import pytest

from services.discord.rate_limit import InProcessRateLimiter
from services.discord.rate_limit.share import Share
from services.discord.rate_limit.shared.redis_time import KEPT_SECONDS, RedisTime
from tests.unit.discord.rate_limit.desk import Limits
from tests.unit.discord.rate_limit.simulated import Discord, Kind, Rule, lane, send
from tests.unit.discord.rate_limit.virtual import clock, run

ROUND_TRIP = (0.01, 0.01)


def alone(number: int, of: int, limits: Limits) -> InProcessRateLimiter:
    """One of so many replicas that know of each other and nothing else."""
    limiter = InProcessRateLimiter(limits, clock())
    limiter._share.weight, limiter._share.rank = of, number
    return limiter


async def hand_over(discord: Discord, limits: Limits, channels: int, each: int, replicas: int = 3) -> float:
    limiters = [alone(number, replicas, limits) for number in range(replicas)]
    began = clock().time()
    async with asyncio.TaskGroup() as group:
        for place in range(channels * each):
            group.create_task(send(limiters[place % replicas], discord, lane(str(place // each))))
    for limiter in limiters:
        limiter.close()
    return clock().time() - began


@pytest.mark.parametrize("kind", ["sliding", "fixed"])
def test_a_window_is_hardly_overrun_and_mostly_used(kind: Kind) -> None:
    discord = Discord(lambda _: Rule(5, 5.0, kind), lambda _: ROUND_TRIP)
    taken = run(hand_over(discord, Limits(), channels=1, each=45))
    assert sum(discord.refused.values()) <= 5
    assert taken <= 2.5 * 45


def test_the_tokens_limit_is_divided() -> None:
    discord = Discord(lambda _: None, lambda _: ROUND_TRIP)
    taken = run(hand_over(discord, Limits(50), channels=300, each=1))
    assert discord.most_in_a_second() <= 48
    assert taken <= 300 / 48 * 1.1 + 0.1


def test_where_there_is_less_than_one_for_each_they_take_turns() -> None:
    discord = Discord(lambda _: Rule(1, 1.0), lambda _: ROUND_TRIP)
    taken = run(hand_over(discord, Limits(), channels=1, each=12))
    assert sum(discord.refused.values()) <= 5
    assert taken <= 5 * 12


def test_a_share_is_never_nothing() -> None:
    share = Share()
    assert (share.of(50), share.claimed(2, 5)) == (50, 2)
    share.weight = 3
    assert (share.of(50), share.of(2)) == (16, 1)
    assert [share.claimed(in_flight, 5) for in_flight in range(3)] == [2, 4, 5]
    assert share.claimed(0, 1) == 0


def test_the_quickest_of_the_last_replies_tells_the_time() -> None:
    time = RedisTime()
    time.hear(1_000_000.0, 10.0, 10.4)
    assert time.ahead_seconds == pytest.approx(1_000 - 10.2)
    time.hear(1_001_000.0, 11.0, 11.002)
    assert time.ahead_seconds == pytest.approx(1_001 - 11.001)
    time.hear(1_002_500.0, 12.0, 12.9)
    assert time.ahead_seconds == pytest.approx(1_001 - 11.001)
    time.hear(2_000_000.0, 12.0 + KEPT_SECONDS, 12.1 + KEPT_SECONDS)
    assert time.ahead_seconds == pytest.approx(2_000 - 12.05 - KEPT_SECONDS)

"""Discord's limits, kept by real processes: how much of the allowance is used, and what is refused.

The short forms run with the other tests and judge counts alone; the long ones judge ratios too, on a machine that
has nothing else to do.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.prove.evidence import keep
from tests.prove.fleet import Fleet, Told, fleet
from tests.support.valkey import ValkeyServer

EVENLY = (0, 1, 2)
UNEVENLY = (0, 0, 0, 0, 0, 0, 0, 1, 1, 2)
MESSAGES = "messages.create"


@dataclass(frozen=True)
class Load:
    """Messages handed over at once: `ideal_seconds` is what the limits allow, `to_reach` the share of it."""

    name: str
    channels: int
    each: int
    kind: str
    ideal_seconds: float
    to_reach: float
    spread: tuple[int, ...] = (0,)

    @property
    def replicas(self) -> int:
        return max(self.spread) + 1


LOADS = [
    Load("20 channels × 50, sliding, one replica", 20, 50, "sliding", 45.0, 0.97),
    Load("20 channels × 50, fixed, one replica", 20, 50, "fixed", 46.0, 0.95),
    Load("200 channels × 5, global limit, one replica", 200, 5, "sliding", 20.0, 0.95),
    Load("20 channels × 50, sliding, three replicas evenly", 20, 50, "sliding", 45.0, 0.93, EVENLY),
    Load("20 channels × 50, sliding, three replicas unevenly", 20, 50, "sliding", 45.0, 0.93, UNEVENLY),
    Load("20 channels × 50, fixed, three replicas evenly", 20, 50, "fixed", 46.0, 0.93, EVENLY),
    Load("200 channels × 5, global limit, three replicas evenly", 200, 5, "sliding", 20.0, 0.93, EVENLY),
    Load("200 channels × 5, global limit, three replicas unevenly", 200, 5, "sliding", 20.0, 0.93, UNEVENLY),
]
SHORT = Load("20 channels × 7, sliding, three replicas", 20, 7, "sliding", 2.8, 0.0, UNEVENLY)


async def hand_over(load: Load, folder: Path, redis_url: str | None) -> float:
    """The share of the allowance that was used. Nothing is refused by Discord, nothing lost."""
    shared = redis_url if load.replicas > 1 else None
    async with fleet(folder, load.replicas, shared, {MESSAGES: {"kind": load.kind}}) as running:
        told = Told()
        taken = await running.hand_over(running.channels(load.channels), load.each, load.spread, told)
        ratio = load.ideal_seconds / taken
        lost = load.channels * load.each - len(told.answered)
        busiest = running.sandbox.limiter.arrivals.busiest
        keep(
            load.name,
            f"≥ {load.to_reach}, no 429, none lost, never 51 in a second",
            ratio=round(ratio, 3),
            seconds=round(taken, 2),
            refused=sum(running.refused.values()),
            lost=lost,
            busiest_second=busiest,
            times_alone=running.times_alone,
        )
        assert told.failed == {}
        assert running.refused == {}
        assert running.delivered == load.channels * load.each
        assert busiest <= 50
        return ratio


async def test_replicas_together_keep_the_limits(tmp_path: Path, valkey_url: str) -> None:
    await hand_over(SHORT, tmp_path, valkey_url)


@pytest.mark.prove
@pytest.mark.timeout(180)
@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.name)
async def test_nearly_all_of_the_allowance_is_used(load: Load, tmp_path: Path, valkey_url: str) -> None:
    assert await hand_over(load, tmp_path, valkey_url) >= load.to_reach


async def crash_and_join(folder: Path, redis_url: str, each: int, pause_seconds: float) -> None:
    """One replica is killed while everybody works, and later another one comes."""
    async with fleet(folder, 3, redis_url) as running:
        told, doomed = Told(), Told()
        channels = running.channels(20)
        work = [
            asyncio.create_task(running.hand_over(channels, each, (0, 1), told)),
            asyncio.create_task(running.hand_over(channels, each, (2,), doomed)),
        ]
        await asyncio.sleep(pause_seconds)
        running.replicas[2].program.process.kill()
        await asyncio.sleep(pause_seconds)
        newcomer = await running.add()
        late = Told()
        async with asyncio.TaskGroup() as group:
            for channel in channels:
                group.create_task(newcomer.send(channel, late))
        await asyncio.gather(*work)
        keep(
            f"one replica killed, one added, 20 channels × {2 * each + 1}",
            "no 429, none lost but what the killed one held",
            refused=sum(running.refused.values()),
            lost=sum(told.failed.values()) + sum(late.failed.values()),
            held_by_the_killed=sum(doomed.failed.values()),
        )
        assert running.refused == {}
        assert (told.failed, late.failed) == ({}, {})


async def test_a_killed_replica_and_a_new_one_break_no_limit(tmp_path: Path, valkey_url: str) -> None:
    await crash_and_join(tmp_path, valkey_url, each=5, pause_seconds=1.0)


@pytest.mark.prove
@pytest.mark.timeout(240)
async def test_a_killed_replica_and_a_new_one_break_no_limit_at_length(tmp_path: Path, valkey_url: str) -> None:
    await crash_and_join(tmp_path, valkey_url, each=20, pause_seconds=8.0)


async def outage(folder: Path, server: ValkeyServer, running: Fleet, each: int, away_seconds: float) -> None:
    """Redis is killed while everybody works, and comes back empty."""
    told = Told()
    work = asyncio.create_task(running.hand_over(running.channels(20), each, EVENLY, told))
    await asyncio.sleep(2.0)
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(away_seconds)
    await asyncio.to_thread(server.start)
    taken = await work
    for replica in running.replicas:
        await replica.program.says("limits are kept alone, with a share")
        await replica.program.says("limits are shared again")
    keep(
        f"Redis killed for {away_seconds:g} s and restarted empty, 20 channels × {each}",
        "≤ 5 429s, none lost",
        refused=sum(running.refused.values()),
        lost=20 * each - len(told.answered),
        seconds=round(taken, 1),
        busiest_second=running.sandbox.limiter.arrivals.busiest,
    )
    assert told.failed == {}
    assert running.delivered == 20 * each
    assert sum(running.refused.values()) <= 5


async def test_an_outage_of_redis_loses_nothing(tmp_path: Path, valkey_server: ValkeyServer, valkey_url: str) -> None:
    async with fleet(tmp_path, 3, valkey_url) as running:
        await outage(tmp_path, valkey_server, running, each=8, away_seconds=1.5)


@pytest.mark.prove
@pytest.mark.timeout(240)
@pytest.mark.parametrize("away_seconds", [3.0, 20.0])
async def test_an_outage_of_redis_loses_nothing_at_length(
    tmp_path: Path, valkey_server: ValkeyServer, valkey_url: str, away_seconds: float
) -> None:
    async with fleet(tmp_path, 3, valkey_url) as running:
        await outage(tmp_path, valkey_server, running, each=30, away_seconds=away_seconds)


@pytest.mark.prove
@pytest.mark.timeout(120)
@pytest.mark.parametrize("replicas", [1, 3])
async def test_a_ban_passes_a_thousand_bulk_messages(tmp_path: Path, valkey_url: str, replicas: int) -> None:
    async with fleet(tmp_path, replicas, valkey_url if replicas > 1 else None) as running:
        told = Told()
        spread = range(replicas)
        async with asyncio.TaskGroup() as group:
            for number, channel in enumerate(running.channels(200) * 5):
                replica = running.replicas[spread[number % replicas]]
                group.create_task(replica.send(channel, told, caller=f"caller-{number % 4}", is_bulk=True))
            await asyncio.sleep(3.0)
            began = time.monotonic()
            await running.replicas[0].ban("46")
            taken = time.monotonic() - began
        keep(f"a ban while 1 000 bulk messages wait, {replicas} replicas", "≤ 1.2 s", seconds=round(taken, 3))
        assert told.failed == {}
        assert running.refused == {}
        assert taken <= 1.2


@pytest.mark.prove
@pytest.mark.timeout(120)
@pytest.mark.parametrize("replicas", [1, 3])
async def test_the_wait_of_one_channel_does_not_delay_another(tmp_path: Path, valkey_url: str, replicas: int) -> None:
    rules = {MESSAGES: {"limit": 1, "period_seconds": 10.0}}
    async with fleet(tmp_path, replicas, valkey_url if replicas > 1 else None, rules) as running:
        first, busy, quiet, other = running.channels(4)
        told = Told()
        await running.replicas[0].send(first, told)
        alone = await lasting(running, other, told)
        crowd = asyncio.gather(*(running.replicas[0].send(busy, told) for _ in range(3)))
        await asyncio.sleep(1.0)
        beside = await lasting(running, quiet, told)
        await crowd
        keep(
            f"a message beside a channel that waits 10 s, {replicas} replicas",
            "< 50 ms later than alone",
            later_ms=round((beside - alone) * 1000, 1),
        )
        assert running.refused == {}
        assert beside - alone < 0.05


async def lasting(running: Fleet, channel: str, told: Told) -> float:
    began = time.monotonic()
    await running.replicas[0].send(channel, told)
    return time.monotonic() - began

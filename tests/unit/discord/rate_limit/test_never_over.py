"""Whatever the network does: Discord never has to say 429, and everybody is served."""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.discord.rate_limit import Bounds, InProcessRateLimiter
from services.ports import Priority
from tests.unit.discord.rate_limit.simulated import Discord, Rule, lane, send
from tests.unit.discord.rate_limit.virtual import clock, run

RULES = st.builds(
    Rule,
    st.sampled_from([1, 2, 3, 5, 10]),
    st.sampled_from([0.25, 0.333, 1.0, 2.0, 5.0]),
    st.sampled_from(["sliding", "fixed", "aligned"]),
)
WAYS = st.one_of(st.floats(0.0, 0.05), st.floats(0.0, 0.4), st.floats(0.0, 2.0))
LATENCIES = st.lists(st.tuples(WAYS, WAYS), min_size=1, max_size=12)
SEARCH = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Limits:
    global_per_second: int = 50
    per_channel_per_second: int = 1_000


@dataclass(frozen=True)
class Job:
    """One request: when it comes, to which channel, how urgent, and what goes wrong with it."""

    pause: float
    channel: int
    priority: Priority
    fate: str


JOBS = st.lists(
    st.builds(
        Job,
        st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.3, 1.0, 2.7]),
        st.integers(0, 2),
        st.sampled_from(Priority),
        st.sampled_from(["sent"] * 8 + ["cancelled", "dropped", "jump"]),
    ),
    min_size=1,
    max_size=50,
)


async def _drop(limiter: InProcessRateLimiter, to: Any) -> None:
    permit = await limiter.acquire(to, priority=Priority.ORDINARY, deadline=1e9, client_id="x")
    await asyncio.sleep(0.02)
    permit.drop()


async def _play(limiter: InProcessRateLimiter, discord: Discord, jobs: list[Job]) -> int:
    served = []
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            await asyncio.sleep(job.pause)
            to = lane(str(job.channel))
            if job.fate == "dropped":
                group.create_task(_drop(limiter, to))
                continue
            task = group.create_task(send(limiter, discord, to, priority=job.priority, client_id=str(job.channel)))
            if job.fate == "cancelled":
                await asyncio.sleep(0)
                asyncio.get_running_loop().call_later(0.0, _cancel_if_waiting, task, limiter)
            else:
                served.append(task)
            if job.fate == "jump":
                clock().jump(1.3)
    return sum(task.result() is None for task in served)


def _cancel_if_waiting(task: "asyncio.Task[Any]", limiter: InProcessRateLimiter) -> None:
    if len(limiter._room):
        task.cancel()


@SEARCH
@given(rules=st.lists(RULES, min_size=3, max_size=3), latencies=LATENCIES, jobs=JOBS)
def test_no_window_is_ever_overrun_and_nobody_is_stuck(
    rules: list[Rule], latencies: list[Any], jobs: list[Job]
) -> None:
    async def play() -> None:
        discord = Discord(lambda to: rules[int(to.major)], lambda n: latencies[n % len(latencies)])
        limiter = InProcessRateLimiter(Limits(), clock(), bounds=Bounds(longest_wait_seconds=1e6))
        assert await _play(limiter, discord, jobs) == 0
        assert not discord.refused
        limiter.close()

    run(play())


@SEARCH
@given(
    rule=RULES,
    latencies=LATENCIES,
    bursts=st.lists(st.tuples(st.integers(1, 25), st.floats(0.0, 6.0)), max_size=4),
    lost=st.sets(st.integers(1, 60), max_size=4),
    shows_reset=st.booleans(),
)
def test_bursts_on_one_channel_never_overrun_it(
    rule: Rule, latencies: list[Any], bursts: list[Any], lost: set[int], shows_reset: bool
) -> None:
    async def play() -> None:
        discord = Discord(lambda _: rule, lambda n: latencies[n * n % len(latencies)])
        discord.is_lost, discord.shows_reset = lost.__contains__, shows_reset
        limiter = InProcessRateLimiter(Limits(), clock(), bounds=Bounds(longest_wait_seconds=1e6))
        async with asyncio.TaskGroup() as group:
            for size, pause in bursts:
                for _ in range(size):
                    group.create_task(send(limiter, discord, lane()))
                await asyncio.sleep(pause)
        assert not discord.refused
        limiter.close()

    run(play())


@SEARCH
@given(
    latencies=LATENCIES,
    most=st.integers(1, 20),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.4]), min_size=20, max_size=60),
)
def test_no_second_ever_sees_more_than_the_global_limit(latencies: list[Any], most: int, pauses: list[float]) -> None:
    async def play() -> None:
        discord = Discord(lambda _: None, lambda n: latencies[n * n % len(latencies)], global_limit=most)
        limiter = InProcessRateLimiter(Limits(most), clock(), bounds=Bounds(longest_wait_seconds=1e6))
        async with asyncio.TaskGroup() as group:
            for number, pause in enumerate(pauses):
                group.create_task(send(limiter, discord, lane(str(number))))
                await asyncio.sleep(pause)
        assert discord.most_in_a_second() <= most
        limiter.close()

    run(play())

"""Whatever replies say and callers do: nobody waits beyond their deadline, and every count returns to nothing."""

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.discord.rate_limit import Bounds, Observation
from services.errors import ActionError, ShuttingDown
from services.ports import Priority
from tests.unit.discord.rate_limit.desk import Desk, Limits, desk
from tests.unit.discord.rate_limit.simulated import lane
from tests.unit.discord.rate_limit.virtual import clock, run

SMALL = st.none() | st.integers(0, 6)
TIMES = st.none() | st.sampled_from([0.0, 0.001, 0.3, 1.0, 7.0, 400.0])
REPLIES = st.none() | st.builds(
    Observation,
    st.sampled_from([200, 200, 200, 204, 401, 403, 404, 429, 429, 500]),
    SMALL,
    SMALL,
    TIMES,
    TIMES,
    st.sampled_from([None, "a", "b", "c"]),
    TIMES,
    st.none() | st.sampled_from(["user", "global", "shared", "cloudflare"]),
    st.booleans(),
)


@dataclass(frozen=True)
class Ask:
    """A caller: where to, how patient, and how it ends."""

    pause: float
    channel: int
    is_webhook: bool
    priority: Priority
    patience: float
    fate: str
    reply: Observation | None
    seconds: float


ASKS = st.lists(
    st.builds(
        Ask,
        st.sampled_from([0.0, 0.0, 0.2, 3.0]),
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from(Priority),
        st.sampled_from([0.0, 0.5, 5.0, 500.0]),
        st.sampled_from(["completed", "completed", "dropped", "forgotten", "cancelled"]),
        REPLIES,
        st.sampled_from([0.0, 0.01, 0.5, 12.0]),
    ),
    max_size=40,
)


async def one(front: Desk, ask: Ask, overdue: list[float]) -> None:
    to = lane(str(ask.channel), is_webhook=ask.is_webhook)
    deadline = clock().time() + ask.patience
    try:
        permit = await front.permit(to, ask.priority, within=ask.patience, client_id=str(ask.channel))
    except ActionError:
        return
    finally:
        overdue.append(clock().time() - deadline)
    await asyncio.sleep(ask.seconds / 2)
    permit.depart()
    await asyncio.sleep(ask.seconds / 2)
    if ask.fate == "dropped":
        permit.drop()
    elif ask.fate != "forgotten":
        permit.complete(ask.reply)


async def play(asks: list[Ask]) -> None:
    bounds = Bounds(lease_seconds=60.0, waiting_per_bucket=10, waiting_per_caller=12, invalid_requests=15)
    async with desk(Limits(5, 3), bounds) as front:
        overdue: list[float] = []
        tasks = []
        for ask in asks:
            await asyncio.sleep(ask.pause)
            tasks.append(asyncio.create_task(one(front, ask, overdue)))
            if ask.fate == "cancelled":
                asyncio.get_running_loop().call_later(ask.seconds, tasks[-1].cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert max(overdue, default=0.0) <= 0.001
        await asyncio.sleep(100.0)
        front.limiter._leases.expire(clock().time())
        await asyncio.sleep(2.0)
        check_nothing_is_held(front)


def check_nothing_is_held(front: Desk) -> None:
    limiter = front.limiter
    assert len(limiter._room) == limiter._room.caller_count == len(limiter._room.crowded) == 0
    assert len(limiter._leases) == 0
    for gate in (limiter._token_gate, limiter._webhook_gate):
        assert gate.first() is None
        assert gate.in_flight == sum(gate._backlog) == 0
    assert limiter._token_gate.limit is not None
    assert limiter._token_gate.limit.used(clock().time()) == 0
    for bucket in limiter._buckets:
        assert bucket.in_flight == bucket.waiting == bucket.backlog == 0
        assert bucket.channel is None or bucket.channel.used(clock().time()) == 0


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(ASKS)
def test_every_count_returns_to_nothing(asks: list[Ask]) -> None:
    run(play(asks))


def test_who_waits_when_it_closes_is_told_so() -> None:
    async def main() -> list[Any]:
        async with desk() as front:
            await front.permit(lane())
            waiters = [await front.ask(lane()) for _ in range(2)]
        return await asyncio.gather(*waiters, return_exceptions=True)

    assert all(isinstance(end, ShuttingDown) for end in run(main()))

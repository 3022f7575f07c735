"""The program is killed at random instants under load; the next one on the same journal tells what became of it all."""

import asyncio
import random
import signal
from itertools import count

import pytest

from sandbox import Sandbox
from tests.prove.evidence import keep
from tests.prove.record.counts import judge, posted, rows_in
from tests.prove.record.load import Told, callers_of
from tests.support.process import serving_program

LATENCY_SECONDS = 0.3
EARLIEST_SECONDS, LATEST_SECONDS = 0.1, 2.0
AT_ONCE = 30
SEED = 20_260_101


async def kills(variables: dict[str, str], sandbox: Sandbox, times: int) -> None:
    told, numbers, instants = Told(), count(), random.Random(SEED)
    sandbox.options.latency_seconds = LATENCY_SECONDS
    for _ in range(times):
        async with serving_program(variables) as started, callers_of(started, told, numbers) as callers:
            load = asyncio.create_task(callers.ask_until_it_is_gone(AT_ONCE))
            await asyncio.sleep(instants.uniform(EARLIEST_SECONDS, LATEST_SECONDS))
            started.signal(signal.SIGKILL)
            await load
    async with serving_program(variables) as started:
        await started.says("a journal was adopted")
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    figures = judge(await rows_in(variables["DATABASE_URL"]), posted(sandbox), told.action_ids)
    keep(
        f"SIGKILL at {times} random instants, 300 ms of latency, {AT_ONCE} callers",
        "delivered ≤ messages ≤ delivered + unknown, every answered action has its row, none twice",
        **figures,
        unanswered=told.unanswered,
    )
    assert set(told.codes) == {"ok"}
    assert figures["unknown"] > 0


async def test_after_kills_every_message_is_told_of(variables: dict[str, str], sandbox: Sandbox) -> None:
    await kills(variables, sandbox, times=3)


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_after_kills_every_message_is_told_of_at_length(variables: dict[str, str], sandbox: Sandbox) -> None:
    await kills(variables, sandbox, times=50)

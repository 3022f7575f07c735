"""SIGTERM under load, with the database there or away: whatever was answered is on the record."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, cycle, islice

import pytest

from sandbox import Sandbox
from tests.prove.evidence import keep
from tests.prove.record.counts import judge, posted, rows_in
from tests.prove.record.load import Told, callers_of
from tests.support.postgres import PostgresServer
from tests.support.process import serving_program

STATES = ("there", "stopped", "frozen")
AT_ONCE = 30
EARLIEST_SECONDS, LATEST_SECONDS = 0.3, 1.5
# The grace of what runs, 5 s in which rows are shipped, and 5 s more for a connection that does not answer.
ENDS_WITHIN_SECONDS = {"there": 3.0 + 1.0, "stopped": 3.0 + 5.0, "frozen": 3.0 + 5.0 + 5.0}
SEED = 20_260_102


@asynccontextmanager
async def database(server: PostgresServer, state: str) -> AsyncIterator[None]:
    """The server there, stopped or frozen, and there again afterwards."""
    if state == "there":
        yield
        return
    goes, comes = (server.stop, server.start) if state == "stopped" else (server.pause, server.resume)
    await asyncio.to_thread(goes)
    try:
        yield
    finally:
        await asyncio.to_thread(comes)


async def stop_under_load(
    variables: dict[str, str],
    server: PostgresServer,
    told: Told,
    numbers: Iterator[int],
    *,
    after_seconds: float,
    state: str,
) -> float:
    """Seconds from the signal to the end."""
    async with serving_program(variables) as started, callers_of(started, told, numbers) as callers:
        load = asyncio.create_task(callers.ask_until_it_is_gone(AT_ONCE))
        async with database(server, state):
            await asyncio.sleep(after_seconds)
            began = time.monotonic()
            started.signal(signal.SIGTERM)
            assert await started.ends() == 0
            took = time.monotonic() - began
        await load
        assert started.errors == []
    return took


async def stops(variables: dict[str, str], sandbox: Sandbox, server: PostgresServer, times: int) -> None:
    """By turns with the database there, stopped and frozen."""
    told, numbers, instants = Told(), count(), random.Random(SEED)
    longest = dict.fromkeys(STATES, 0.0)
    for state in islice(cycle(STATES), times):
        after_seconds = instants.uniform(EARLIEST_SECONDS, LATEST_SECONDS)
        took = await stop_under_load(variables, server, told, numbers, after_seconds=after_seconds, state=state)
        longest[state] = max(longest[state], took)
    async with serving_program(variables) as started:
        await started.says("a journal was adopted")
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    rows = await rows_in(variables["DATABASE_URL"])
    figures = judge(rows, posted(sandbox), told.action_ids)
    keep(
        f"SIGTERM {times} times under load, the database there, stopped and frozen by turns",
        "exit 0 within the grace (3 s) and the time for the record, answered = recorded",
        **figures,
        **{code: number for code, number in told.codes.items() if code != "ok"},
        unanswered=told.unanswered,
        **{f"longest_stop_seconds_{state}": round(took, 2) for state, took in longest.items()},
    )
    assert all(took <= ENDS_WITHIN_SECONDS[state] for state, took in longest.items()), longest
    assert figures["rows"] == figures["answered"]


async def test_what_was_answered_before_a_stop_is_recorded(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer
) -> None:
    await stops(variables, sandbox, postgres_server, times=2)


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_what_was_answered_before_a_stop_is_recorded_at_length(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer
) -> None:
    await stops(variables, sandbox, postgres_server, times=20)

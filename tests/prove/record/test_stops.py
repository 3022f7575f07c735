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
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from services.lifecycle.stopping import KEPT_SECONDS
from tests.prove.evidence import keep
from tests.prove.record.counts import has_rows, judge, posted, rows_in
from tests.prove.record.load import Told, callers_of, faces_of
from tests.support.module import token
from tests.support.postgres import PostgresServer
from tests.support.process import serving_program
from tests.support.valkey import ValkeyServer

STATES = ("there", "stopped", "frozen")
AT_ONCE = 30
EARLIEST_SECONDS, LATEST_SECONDS = 0.3, 1.5
PAUSE_SECONDS, GRACE_SECONDS = 0.2, 3.0
# The end of the interpreter and the log's last batch, on a machine that does other things as well.
EXIT_SECONDS = 1.5
SEED = 20_260_102
LONG_GRACE = {"SHUTDOWN_GRACE": "60"}
WEBHOOK_MESSAGE = {
    "webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    "content": "proof-hurried",
}


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
    stopping = {"SHUTDOWN_PAUSE": str(PAUSE_SECONDS), "SHUTDOWN_GRACE": str(GRACE_SECONDS)}
    variables = variables | stopping
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
        f"exit 0 within pause and grace ({PAUSE_SECONDS} s + {GRACE_SECONDS:g} s), answered = recorded",
        **figures,
        **{code: number for code, number in told.codes.items() if code != "ok"},
        unanswered=told.unanswered,
        **{f"longest_stop_seconds_{state}": round(took, 2) for state, took in longest.items()},
    )
    assert max(longest.values()) <= PAUSE_SECONDS + GRACE_SECONDS + EXIT_SECONDS, longest
    assert figures["rows"] == figures["answered"]


async def test_what_was_answered_before_a_stop_is_recorded(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer
) -> None:
    await stops(variables, sandbox, postgres_server, times=len(STATES))


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_what_was_answered_before_a_stop_is_recorded_at_length(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer
) -> None:
    await stops(variables, sandbox, postgres_server, times=20)


@pytest.mark.parametrize("state", STATES)
async def test_a_second_signal_records_at_once_what_runs(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer, state: str
) -> None:
    sandbox.faults.add("hang")
    async with serving_program(variables | LONG_GRACE) as started, faces_of(started) as faces:
        asking = asyncio.create_task(faces[0].perform("SendWebhook", WEBHOOK_MESSAGE, token()))
        while not sandbox.received("POST"):  # noqa: ASYNC110 -- the sandbox has no event for it
            await asyncio.sleep(0.01)
        async with database(postgres_server, state):
            started.signal(signal.SIGTERM)
            await started.says("stopping")
            assert not asking.done()
            began = time.monotonic()
            started.signal(signal.SIGTERM)
            assert await started.ends() == 0
            took = time.monotonic() - began
        heard = await asking
        assert started.errors == []
    async with serving_program(variables) as started:
        await has_rows(variables["DATABASE_URL"], 1)
    assert (heard.code, heard.outcome) == ("outcome_unknown", "unknown")
    assert [(row.action_id, row.outcome) for row in await rows_in(variables["DATABASE_URL"])] == [
        (heard.action_id, "unknown")
    ]
    assert took <= KEPT_SECONDS + EXIT_SECONDS


async def test_a_redis_that_hangs_as_well_holds_no_stop(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer, valkey_server: ValkeyServer
) -> None:
    told, shared = Told(), {"REDIS_URL": valkey_server.url, "SHUTDOWN_GRACE": str(GRACE_SECONDS)}
    async with (
        serving_program(variables | shared) as started,
        callers_of(started, told, count()) as callers,
        database(postgres_server, "frozen"),
    ):
        load = asyncio.create_task(callers.ask_until_it_is_gone(AT_ONCE))
        await asyncio.sleep(EARLIEST_SECONDS)
        valkey_server.pause()
        try:
            began = time.monotonic()
            started.signal(signal.SIGTERM)
            assert await started.ends() == 0
            took = time.monotonic() - began
        finally:
            valkey_server.resume()
        await load
        assert started.errors == []
    async with serving_program(variables) as started:
        await has_rows(variables["DATABASE_URL"], len(told.action_ids))
    judge(await rows_in(variables["DATABASE_URL"]), posted(sandbox), told.action_ids)
    assert took <= GRACE_SECONDS + EXIT_SECONDS

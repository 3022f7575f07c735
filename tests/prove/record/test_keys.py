"""One key from many sides at once, and routers that lose patience, at length and with processes of their own.

The short forms, within one process, are in tests/idempotency/test_whole_module.py.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.conformance.faces import Heard
from tests.prove.evidence import keep
from tests.prove.record.counts import posted, rows_in
from tests.prove.record.load import PREFIX, faces_of
from tests.support.module import token
from tests.support.process import Program, serving_program

WEBHOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
PLACES: Mapping[str, Mapping[str, Any]] = {
    "SendMessage": {"channel_id": "123"},
    "SendWebhook": {"webhook_url": WEBHOOK},
}
KEYS, CONNECTIONS = 20, 10
ROUTERS, TRIES = 10, 4
PATIENCE_SECONDS, SLOW_SECONDS = 1.0, 3.0


@asynccontextmanager
async def replicas(variables: dict[str, str], folder: Path, number: int) -> AsyncIterator[list[Program]]:
    """Programs on one database, each with a journal of its own; they stop in order at the end."""
    async with AsyncExitStack() as stack:
        journals = [folder / f"journal-{one}" for one in range(number)]
        environments = [variables | {"JOURNAL_DIR": str(journal)} for journal in journals]
        running = [await stack.enter_async_context(serving_program(each)) for each in environments]
        yield running
        for one in running:
            one.signal(signal.SIGTERM)
            assert await one.ends() == 0


async def ask(started: Program, rpc: str, text: str, side: int) -> Heard:
    """On a connection of its own; the text is the key."""
    async with faces_of(started) as faces:
        fields = {**PLACES[rpc], "content": text}
        return await faces[side % 2].perform(rpc, fields, token(), {"Idempotency-Key": text})


@pytest.mark.prove
@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", [1, 3])
async def test_one_key_on_ten_connections_acts_once(
    variables: dict[str, str], sandbox: Sandbox, valkey_url: str, tmp_path: Path, number: int
) -> None:
    shared = {"REDIS_URL": valkey_url} if number > 1 else {}
    sandbox.options.latency_seconds = 0.2
    async with replicas(variables | shared, tmp_path, number) as running:
        for rpc in PLACES:
            for key in range(KEYS):
                text = f"proof-{rpc}-{key}"
                asking = (ask(running[side // 2 % number], rpc, text, side) for side in range(CONNECTIONS))
                heard = await asyncio.gather(*asking)
                assert {one.code for one in heard} == {"ok"}, heard
                assert len({repr((one.comparable, one.result, one.action_id)) for one in heard}) == 1, heard
                assert sum(not one.is_replay for one in heard) == 1, heard
    messages, rows = posted(sandbox), await rows_in(variables["DATABASE_URL"])
    keep(
        f"{len(PLACES) * KEYS} keys on {CONNECTIONS} connections each at once, {number} replicas",
        "one effect, ten equal answers",
        messages=messages.total(),
        most_of_one_key=max(messages.values()),
        rows=len(rows),
    )
    assert set(messages.values()) == {1}
    assert len(messages) == len(rows) == len(PLACES) * KEYS


async def lose_patience(started: Program, rpc: str, number: int) -> str:
    """A router that waits for a second and asks again; what it was told in the end."""
    for _ in range(TRIES):
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return (await ask(started, rpc, f"proof-{rpc}-{number}", number)).code
        except TimeoutError:
            continue
    return "nothing"


@pytest.mark.prove
@pytest.mark.timeout(60)
@pytest.mark.parametrize("rpc", PLACES)
async def test_routers_that_lose_patience_get_one_message(
    variables: dict[str, str], sandbox: Sandbox, tmp_path: Path, rpc: str
) -> None:
    async with replicas(variables, tmp_path, 1) as (started,):
        await ask(started, rpc, "what is learned of the limits with the first message", 0)
        sandbox.options.latency_seconds = SLOW_SECONDS
        told = await asyncio.gather(*(lose_patience(started, rpc, number) for number in range(ROUTERS)))
    messages = posted(sandbox)
    rows = [row for row in await rows_in(variables["DATABASE_URL"]) if row.text.startswith(PREFIX)]
    outcomes = Counter(row.outcome for row in rows)
    keep(
        f"{ROUTERS} routers give up after 1 s and ask {TRIES} times, Discord takes 3 s, {rpc}",
        "one message each",
        messages=messages.total(),
        most_of_one_router=max(messages.values()),
        answered_in_the_end=sum(code == "ok" for code in told),
        **{f"rows_{outcome}": number for outcome, number in outcomes.items()},
    )
    assert set(told) == {"ok"}
    assert len(messages) == messages.total() == outcomes["delivered"] == ROUTERS
    assert outcomes.keys() <= {"delivered", "not_sent"}

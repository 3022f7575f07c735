"""The real program is killed in the middle of its work, and the next one tells what became of it."""

import asyncio
import signal
import sqlite3
from pathlib import Path

import aiohttp
import pytest

from sandbox import Sandbox
from tests.conformance.faces import RestFace
from tests.support.module import environment, token
from tests.support.process import Program, serving_program
from tests.support.record import eventually

LATENCY_SECONDS = 0.3
SENDERS = 8


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "actions.db"


@pytest.fixture
def variables(sandbox: Sandbox, database: Path) -> dict[str, str]:
    return environment(sandbox, f"sqlite:///{database}", DISCORD_RATE_LIMIT_PER_CHANNEL="1000")


def rows(database: Path) -> dict[str, str]:
    with sqlite3.connect(database) as connection:
        found = dict(connection.execute("SELECT action_id, outcome FROM discord_actions"))
    connection.close()
    return found


async def send_until_it_is_gone(started: Program, answered: list[str | None]) -> None:
    async with aiohttp.ClientSession() as session:
        face = RestFace(session, started.rest_url)
        while True:
            try:
                heard = await face.perform("SendMessage", {"channel_id": "123", "content": "hello"}, token())
            except aiohttp.ClientError:
                return
            answered.append(heard.action_id)


@pytest.mark.parametrize("after_requests", [SENDERS + 3, 3 * SENDERS + 3])
async def test_after_a_kill_every_message_is_told_of(
    variables: dict[str, str], database: Path, sandbox: Sandbox, after_requests: int
) -> None:
    sandbox.faults.add("latency", seconds=LATENCY_SECONDS, count=10_000)
    answered: list[str | None] = []
    async with serving_program(variables) as started, asyncio.TaskGroup() as senders:
        for _ in range(SENDERS):
            senders.create_task(send_until_it_is_gone(started, answered))
        await eventually(lambda: len(sandbox.received("POST")) >= after_requests)
        sandbox.faults.add("hang")
        # these are on their way when it dies
        await eventually(lambda: len(sandbox.received("POST")) >= after_requests + 4)
        started.signal(signal.SIGKILL)
    sandbox.faults.clear()
    async with serving_program(variables) as started:
        await started.says("a journal was adopted")
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    found = rows(database)
    delivered = sum(outcome == "delivered" for outcome in found.values())
    unknown = sum(outcome == "unknown" for outcome in found.values())
    messages = len([request for request in sandbox.requests if request.method == "POST"])
    assert set(answered) <= {action_id for action_id, outcome in found.items() if outcome == "delivered"}
    assert unknown > 0
    assert delivered <= messages <= delivered + unknown

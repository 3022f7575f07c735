"""Who the bot is, asked once at the start: what the process says, and that nothing depends on the answer."""

import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox import Sandbox
from tests.support.module import environment, token
from tests.support.process import Program, serving_program

QUESTION = ("GET", "/api/v10/users/@me")


@pytest.fixture
def variables(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(sandbox, f"sqlite:///{tmp_path / 'actions.db'}", SHUTDOWN_GRACE="3")


async def ask(started: Program, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token()}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, started.rest_url + path, json=body) as answer,
    ):
        return answer.status, await answer.json()


def questions(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in sandbox.requests]


@pytest.mark.parametrize("is_shared", [False, True])
async def test_discord_is_asked_once_and_the_log_names_the_bot(
    variables: dict[str, str], sandbox: Sandbox, valkey_url: str, is_shared: bool
) -> None:
    async with serving_program(variables | ({"REDIS_URL": valkey_url} if is_shared else {})) as started:
        line = await started.says("the bot")
    bot = sandbox.world.bot
    assert (line["id"], line["name"]) == (bot.id, bot.username)
    assert (line["level"], line["event"]) == ("INFO", "SYSTEM")
    assert questions(sandbox) == [QUESTION]
    assert started.errors == []


async def test_a_wrong_token_shows_before_the_first_action_and_costs_one_request(
    variables: dict[str, str], sandbox: Sandbox
) -> None:
    async with serving_program(variables | {"DISCORD_BOT_TOKEN": "another.bots.token"}) as started:
        line = await started.says("discord refuses the bot's token: renew DISCORD_BOT_TOKEN")
        health, ready = await ask(started, "GET", "/health"), await ask(started, "GET", "/health/ready")
        refused = await ask(started, "POST", "/api/v1/message", {"channel_id": "123", "content": "hi"})
    assert line["level"] == "ERROR"
    assert (health[0], health[1]["status"], ready[0]) == (200, "degraded", 200)
    assert ready[1]["checks"]["discord"] == {
        "ok": False,
        "detail": "it refuses the bot's token: renew DISCORD_BOT_TOKEN",
    }
    assert (refused[0], refused[1]["code"], refused[1]["outcome"]) == (502, "bot_token_invalid", "not_sent")
    assert questions(sandbox) == [QUESTION]


async def test_without_discord_it_serves_and_says_that_it_does_not_know(
    variables: dict[str, str], sandbox: Sandbox
) -> None:
    sandbox.faults.add("reset")
    async with serving_program(variables) as started:
        assert (await ask(started, "GET", "/health/ready"))[0] == 200
        line = await started.says("discord did not tell who the bot is")
    assert line["level"] == "WARNING"


async def test_a_stop_does_not_wait_for_the_answer(variables: dict[str, str], sandbox: Sandbox) -> None:
    sandbox.faults.add("hang")
    async with serving_program(variables | {"SHUTDOWN_GRACE": "25"}) as started:
        began = time.monotonic()
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
        assert time.monotonic() - began < 8
    assert started.errors == []

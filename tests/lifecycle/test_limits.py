"""How the limits stand, as an operator sees them: the command, the health detail, the metrics."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox import Options, Sandbox
from tests.conformance.faces import RestFace
from tests.support.module import KEY, RunningModule, running_module, token
from tests.support.process import program
from tests.support.valkey import ValkeyServer

MESSAGE = {"channel_id": "123", "content": "hello"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving(Options()) as served:
        yield served


async def command(*arguments: str, **variables: str) -> tuple[int, list[str], list[str]]:
    needed = {"MODULE_SECRET_KEY": KEY}
    async with program(needed | variables, "limits", *arguments) as asked:
        code = await asked.ends()
    return code, [str(line["message"]) for line in asked.lines], asked.errors


async def get(module: RunningModule, path: str) -> str:
    headers = {"Authorization": f"Bearer {token()}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(module.rest_url + path) as answer:
        return await answer.text()


async def shows(module: RunningModule, line: str) -> None:
    """Waits until a line stands among the metrics."""
    async with asyncio.timeout(20):
        while line not in await get(module, "/metrics"):  # noqa: ASYNC110 -- a page
            await asyncio.sleep(0.1)


async def test_the_command_prints_a_table(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    async with running_module(sandbox, sqlite_url, JOURNAL_DIR=str(tmp_path / "journal")) as module:
        async with aiohttp.ClientSession() as session:
            await RestFace(session, module.rest_url).perform("SendMessage", MESSAGE, token())
        code, lines, errors = await command("--url", module.rest_url)
    assert (code, errors) == (0, [])
    assert lines[0] == "limits    kept by this process alone (no REDIS_URL)"
    row = next(line.split() for line in lines if line.startswith("POST"))
    assert row[1:3] == ["/channels/{channel_id}/messages", "123"]
    assert row[4] in {"4/5", "5/5"}


async def test_the_command_asks_no_proxy(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    async with running_module(sandbox, sqlite_url, JOURNAL_DIR=str(tmp_path / "journal")) as module:
        code, lines, errors = await command("--url", module.rest_url, http_proxy="http://127.0.0.1:1")
    assert (code, errors) == (0, [])
    assert lines[0].startswith("limits ")


async def test_the_command_says_when_nobody_answers(sandbox: Sandbox, sqlite_url: str) -> None:
    code, lines, errors = await command("--url", "http://127.0.0.1:1")
    assert (code, lines) == (1, [])
    assert "Does the module run there?" in errors[0]


async def test_an_outage_of_redis_is_seen_everywhere_and_makes_nobody_unready(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, valkey_server: ValkeyServer, valkey_url: str
) -> None:
    variables = {"JOURNAL_DIR": str(tmp_path / "journal"), "REDIS_URL": valkey_url}
    async with running_module(sandbox, sqlite_url, **variables) as module:
        assert json.loads(await get(module, "/api/v1/limits"))["state"] == "shared"
        assert "discord_action_limits_shared 1.0" in await get(module, "/metrics")
        await asyncio.to_thread(valkey_server.stop)
        try:
            await shows(module, "discord_action_limits_shared 0.0")
            assert json.loads(await get(module, "/api/v1/limits"))["state"] == "alone"
            health = json.loads(await get(module, "/health"))
            ready = json.loads(await get(module, "/health/ready"))
        finally:
            await asyncio.to_thread(valkey_server.start)
        assert (health["status"], health["checks"]["limits"]["ok"]) == ("degraded", False)
        assert "this replica keeps to its share" in ready["checks"]["limits"]["detail"]
        assert ready["status"] == "ready"
        await shows(module, "discord_action_limits_shared 1.0")

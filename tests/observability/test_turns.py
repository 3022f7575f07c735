"""Who waits for another action on the same message is seen."""

import asyncio

import aiohttp

from sandbox import Sandbox
from tests.support.module import RunningModule, running_module, token

EDIT = "/api/v1/message/123/456"
AUTHORIZED = {"Authorization": f"Bearer {token()}"}


async def edit(session: aiohttp.ClientSession, module: RunningModule) -> None:
    async with session.patch(module.rest_url + EDIT, json={"content": "newer"}, headers=AUTHORIZED) as answer:
        await answer.read()


async def waiting(session: aiohttp.ClientSession, module: RunningModule) -> tuple[float, int]:
    """What the metrics say, and what the limits say."""
    async with session.get(f"{module.rest_url}/metrics") as answer:
        page = await answer.text()
    bearer = {"Authorization": f"Bearer {token(scope='limits:read')}"}
    async with session.get(f"{module.rest_url}/api/v1/limits", headers=bearer) as answer:
        limits = await answer.json()
    [line] = [line for line in page.splitlines() if line.startswith("discord_action_turns_waited_for")]
    return float(line.rpartition(" ")[2]), limits["discord"]["entities"]["waiting"]


async def test_actions_that_wait_for_their_turn_are_counted(sandbox: Sandbox, sqlite_url: str) -> None:
    sandbox.faults.add("hang", count=1)
    async with running_module(sandbox, sqlite_url) as module, aiohttp.ClientSession() as session:
        edits = [asyncio.create_task(edit(session, module)) for _ in range(3)]
        async with asyncio.timeout(20):
            while await waiting(session, module) != (2, 2):  # noqa: ASYNC110 -- it is on the other side of a connection
                await asyncio.sleep(0.02)
        sandbox.faults.clear()
        await asyncio.gather(*edits)
        assert await waiting(session, module) == (0, 0)

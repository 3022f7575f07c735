"""The operator's commands beside the real process, on the one file that both have open."""

import asyncio
import signal
import time
from pathlib import Path

import aiohttp

from sandbox import Sandbox
from tests.support.module import environment, token
from tests.support.process import Program, program, serving_program

KNOWN_WITHIN_SECONDS = 20.0
ACTIONS = 3


async def printed_by(variables: dict[str, str], *command: str) -> list[str]:
    async with program(variables, *command) as started:
        assert await started.ends() == 0, started.last_words()
    return [str(line["message"]) for line in started.lines]


async def token_for(started: Program, client: str, secret: str) -> str:
    """A registered client's token, asked for until the module has read of the client."""
    body = {"client_id": client, "client_secret": secret}
    gives_up = time.monotonic() + KNOWN_WITHIN_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < gives_up:
            async with session.post(f"{started.rest_url}/api/v1/token", json=body) as response:
                if response.status == 200:
                    return str((await response.json())["token"])
            await asyncio.sleep(1.0)  # ten failures in a minute, and there is no further try
    raise AssertionError("the client that was registered is not known")


async def send(started: Program, bearer: str) -> str:
    headers = {"Authorization": f"Bearer {bearer}"}
    body = {"channel_id": "123", "content": "beside a command"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{started.rest_url}/api/v1/message", json=body) as response,
    ):
        assert response.status == 200, await response.text()
        return str((await response.json())["action_id"])


async def test_commands_and_the_module_read_what_each_other_writes_and_a_kill_loses_nothing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    variables = environment(sandbox, f"sqlite:///{tmp_path / 'actions.db'}", JOURNAL_DIR=str(tmp_path / "journal"))
    async with serving_program(variables) as started:
        sent = [await send(started, token())]
        for name in ("shop", "mill"):  # what the first command leaves behind, the second one meets
            printed = await printed_by(variables, "clients", "add", name, "--scope", "messages")
            secret = next(line.split()[1] for line in printed if line.startswith("client_secret:"))
            bearer = await token_for(started, name, secret)
            sent += [await send(started, bearer) for _ in range(ACTIONS)]
            await _rows_are_shown(variables, sent)
        started.signal(signal.SIGKILL)
        await started.ends()
    async with serving_program(variables):
        await _rows_are_shown(variables, sent)


async def _rows_are_shown(variables: dict[str, str], action_ids: list[str]) -> None:
    """Each action that was answered is a row for a process of its own, within a second or a few."""
    gives_up = time.monotonic() + KNOWN_WITHIN_SECONDS
    missing = set(action_ids)
    while missing and time.monotonic() < gives_up:
        shown = "\n".join(await printed_by(variables, "audit", "tail", "--limit", "100"))
        missing = {action_id for action_id in action_ids if action_id not in shown}
    assert not missing

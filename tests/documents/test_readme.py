"""What the README shows is run as it stands there."""

import asyncio
import json
import os
import re
import shlex
import sys

import aiohttp
import pytest

from config import ROOT, variables
from sandbox import Sandbox
from tests.support.module import RunningModule, token

README = (ROOT / "README.md").read_text()
PATIENCE_SECONDS = 40


async def test_the_python_client_posts_its_message(module: RunningModule, sandbox: Sandbox) -> None:
    found = re.search(r"<!-- a test runs this -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    environment = os.environ | {"TARGET": module.grpc_target, "TOKEN": token(), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", found[1], env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        printed, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    message_id, action_id = printed.decode().split()
    assert sandbox.world.channels["123"].messages[message_id].content == "Hello over gRPC"
    assert (await module.row(action_id)).outcome == "delivered"


async def test_the_curl_posts_its_message(module: RunningModule, sandbox: Sandbox) -> None:
    found = re.search(r"```sh\n(curl http://localhost:8070/api/v1/message.*?)```", README, re.DOTALL)
    assert found is not None
    words = shlex.split(found[1].replace("\\\n", " "))
    body = json.loads(words[words.index("-d") + 1])
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    headers["Authorization"] = headers["Authorization"].replace("$TOKEN", token())
    path = words[1].removeprefix("http://localhost:8070")
    async with (
        aiohttp.ClientSession() as session,
        session.post(module.rest_url + path, json=body, headers=headers) as answer,
    ):
        content = await answer.json()
    assert sandbox.world.channels["123"].messages[content["message_id"]].content == body["content"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "API.md", "CHANGELOG.md"])
def test_every_link_to_a_file_leads_to_one(name: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / name).read_text())
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_variable_it_names_exists() -> None:
    known = {variable.name for variable in variables()}
    named = set(re.findall(r"`([A-Z][A-Z0-9]+_[A-Z0-9_]+)`", README))
    assert named - known <= {"NAME_FILE"}  # stands for every secret

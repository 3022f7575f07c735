"""API.md: current, and its examples do what they say."""

import json
import re
import shlex
from typing import Any
from urllib.parse import urlsplit

import pytest

from proto import discord_action_pb2 as pb
from services.actions import CATALOGUE, Action
from services.errors import ErrorCode
from tests.fakes.discord import answers
from tests.unit.rest_api.house import JSON, SENT, House
from tests.unit.rest_api.test_actions import WEBHOOK
from tools import api_md

TEXT = api_md.text()


def blocks(rpc: str, language: str) -> list[str]:
    """The code blocks of an action's section."""
    section = TEXT.partition(f"\n### {rpc}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    return re.findall(rf"```{language}\n(.*?)\n```", section, re.DOTALL)


class Stub:
    """Takes any rpc and keeps its request."""

    def __getattr__(self, rpc: str) -> Any:
        return lambda request, **options: (rpc, request)


def test_it_is_current() -> None:
    assert api_md.TARGET.read_text() == TEXT, "python -m tools.api_md --write"


def test_every_marker_was_filled() -> None:
    assert re.findall(r"<!-- \w+ -->", TEXT) == []


def test_every_code_is_explained() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| \d{3} ", TEXT, re.MULTILINE)) == {code.slug for code in ErrorCode}


@pytest.mark.parametrize("action_type", CATALOGUE, ids=lambda action_type: str(action_type.rpc()))
async def test_the_curl_command_is_carried_out(action_type: type[Action]) -> None:
    command, *_ = blocks(action_type.rpc(), "sh")
    words = shlex.split(command)
    body = words[words.index("-d") + 1] if "-d" in words else ""
    path = urlsplit(words[3]).path
    house = House(answers(WEBHOOK if action_type.rpc() == "CreateWebhook" else SENT))
    answer = await house.send(words[2], path, JSON, data=body)
    assert answer.status == 200, answer.body
    assert set(answer.json) == set(json.loads(blocks(action_type.rpc(), "json")[0]))


@pytest.mark.parametrize("action_type", CATALOGUE, ids=lambda action_type: str(action_type.rpc()))
def test_the_python_snippet_builds_the_request(action_type: type[Action]) -> None:
    [snippet] = blocks(action_type.rpc(), "python")
    names: dict[str, Any] = {"pb": pb, "stub": Stub(), "metadata": []}
    exec(snippet, names)  # noqa: S102 -- the text under test, made by our own tool
    rpc, request = names["answer"]
    assert rpc == action_type.rpc()
    assert type(request).__name__ == f"{rpc}Request"

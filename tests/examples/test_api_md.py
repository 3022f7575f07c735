"""The examples in API.md act as they stand: each one is carried out, by the module, at the sandbox."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from config import ROOT
from proto import discord_action_pb2 as pb
from sandbox import Options, Sandbox
from services.actions import CATALOGUE, Action
from services.rest_api.openapi import example_fields
from tests.examples.commands import code_blocks, placed, program_or_skip, run_shell
from tests.support.buf import buf_or_skip
from tests.support.module import RunningModule, running_module, token

TEXT = (ROOT / "API.md").read_text()
FIRST_STEPS = code_blocks(TEXT.partition("## A gRPC client in Python")[2], "python")[0]
OTHER_COMMANDS = code_blocks(TEXT.partition("\n## Actions\n")[0] + TEXT.partition("\n## Embeds\n")[2], "sh")
EVERY_ACTION = pytest.mark.parametrize("action_type", CATALOGUE, ids=lambda action_type: str(action_type.rpc()))


@pytest.fixture(scope="module")
async def one_sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving(Options(limits_enabled=False)) as served:
        yield served


@pytest.fixture(scope="module")
async def one_module(one_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningModule]:
    url = f"sqlite:///{tmp_path_factory.mktemp('examples')}/actions.db"
    async with running_module(one_sandbox, url) as running:
        yield running


@pytest.fixture
def module(one_module: RunningModule, one_sandbox: Sandbox) -> RunningModule:
    """The same for all examples, which keep nothing in it; the sandbox starts from its seeds."""
    one_sandbox.reset()
    return one_module


def section(action_type: type[Action]) -> str:
    return TEXT.partition(f"\n### {action_type.rpc()}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def command(action_type: type[Action], program: str) -> str:
    (found,) = [block for block in code_blocks(section(action_type), "sh") if block.startswith(f"{program} ")]
    return found


def snippet(action_type: type[Action]) -> str:
    (found,) = code_blocks(section(action_type), "python")
    return found


async def check_row(module: RunningModule, action_type: type[Action], action_id: str, protocol: str) -> None:
    row = await module.row(action_id)
    assert (row.outcome, row.protocol) == ("delivered", protocol)
    assert row.action_type in action_type.audit_names


@EVERY_ACTION
async def test_the_curl_command_acts(module: RunningModule, action_type: type[Action]) -> None:
    program_or_skip("curl")
    told = json.loads(await run_shell(command(action_type, "curl"), module))
    assert told["success"] is True
    await check_row(module, action_type, told["action_id"], "rest")


@EVERY_ACTION
async def test_the_python_snippet_acts(
    module: RunningModule, action_type: type[Action], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", token())
    names: dict[str, Any] = {}
    code = placed(FIRST_STEPS + snippet(action_type), module)
    try:
        await asyncio.to_thread(exec, code, names)
    finally:
        names["channel"].close()
    assert names["answer"].success
    await check_row(module, action_type, names["answer"].action_id, "grpc")


@EVERY_ACTION
async def test_the_buf_command_acts(module: RunningModule, action_type: type[Action]) -> None:
    program = buf_or_skip()
    told = json.loads(await run_shell(command(action_type, "buf"), module, program))
    assert told["success"] is True
    await check_row(module, action_type, told["actionId"], "grpc")


@pytest.mark.parametrize("block", OTHER_COMMANDS)
async def test_every_other_command_is_understood(block: str, module: RunningModule, tmp_path: Path) -> None:
    """The secret of the first one is nobody's, so that it is refused as such."""
    program_or_skip("curl")
    told = await run_shell(f"cd {tmp_path}; {block}", module)
    if "SECRET" in block:
        assert json.loads(told)["code"] == "unauthenticated"
    elif "-o" in block:
        assert (tmp_path / "actions.ndjson").is_file()
    else:
        assert "actions" in json.loads(told)


@EVERY_ACTION
def test_every_form_is_the_same_request(action_type: type[Action]) -> None:
    """Grpcurl is not run: its words are those of buf, which is."""
    wanted = json_format.ParseDict(example_fields(action_type), message(action_type))
    name = f"discord_action.DiscordAction/{action_type.rpc()}"
    for program, address in (("grpcurl", ["localhost:50051", name]), ("buf", [f"http://localhost:50051/{name}"])):
        words = shlex.split(command(action_type, program))
        assert words[words.index("-H") + 1] == "authorization: Bearer $TOKEN"
        assert words[-len(address) :] == address
        assert json_format.Parse(words[words.index("-d") + 1], message(action_type)) == wanted
    assert shlex.split(command(action_type, "grpcurl"))[1] == "-plaintext"
    assert built(action_type) == wanted


def message(action_type: type[Action]) -> Message:
    found: Message = getattr(pb, f"{action_type.rpc()}Request")()
    return found


def built(action_type: type[Action]) -> Message:
    """The request the Python snippet builds."""
    requests: list[Message] = []

    class Stub:
        def __getattr__(self, rpc: str) -> Any:
            return lambda request, **options: requests.append(request)

    exec(snippet(action_type), {"pb": pb, "stub": Stub(), "metadata": []})  # noqa: S102 -- the text under test
    (request,) = requests
    return request

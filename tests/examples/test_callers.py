"""The two example callers against the real module: what they repeat, when, and what they leave alone."""

import asyncio
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from google.protobuf import json_format

from config import ROOT
from examples import grpc_caller, rest_caller
from proto import discord_action_pb2 as pb
from sandbox import FaultKind, LostReply, Sandbox
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from services.actions import CATALOGUE
from services.discord.replies import STANDSTILL_SECONDS
from tests.examples.commands import run_shell
from tests.examples.relay import relay
from tests.support.module import RunningModule, running_module, token

MESSAGE: Final = {"channel_id": "123", "content": "from an example"}
WEBHOOK: Final = {"webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}", "content": "hi"}
OVERLOADED: Final = 130000
PATHS: Final = {action.rpc(): (action.rest.method, action.rest.path) for action in CATALOGUE}


class Example(Protocol):
    """An example caller, with the addresses of a running module."""

    def act(self, rpc: str, fields: Mapping[str, Any], **options: Any) -> None: ...

    def close(self) -> None: ...


class GrpcExample:
    failure = grpc_caller.NotDone

    def __init__(self, grpc_port: int, rest_port: int) -> None:
        self._caller = grpc_caller.Caller(f"127.0.0.1:{grpc_port}", token())

    def act(self, rpc: str, fields: Mapping[str, Any], **options: Any) -> None:
        request = json_format.ParseDict(dict(fields), getattr(pb, f"{rpc}Request")())
        assert self._caller.perform(rpc, request, **options).success

    def close(self) -> None:
        self._caller.__exit__()


class RestExample:
    failure = rest_caller.NotDone

    def __init__(self, grpc_port: int, rest_port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", rest_port, timeout=20)

    def act(self, rpc: str, fields: Mapping[str, Any], **options: Any) -> None:
        assert rest_caller.perform(self.connection, token(), PATHS[rpc], fields, **options)["success"]

    def close(self) -> None:
        self.connection.close()


@dataclass
class Waits:
    """How long an example waited before each repeat; it does not wait in earnest."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    recorded = Waits()
    monkeypatch.setattr(grpc_caller, "sleep", recorded)
    monkeypatch.setattr(rest_caller, "sleep", recorded)
    return recorded


@pytest.fixture(params=[GrpcExample, RestExample], ids=["grpc", "rest"])
def example_type(request: pytest.FixtureRequest) -> Any:
    return request.param


async def attempt(make: Callable[[], Any], rpc: str, fields: Mapping[str, Any], **options: Any) -> Any:
    """Lets an example act, in a thread; gives its failure, or None."""

    def run() -> Any:
        example = make()
        try:
            example.act(rpc, fields, **options)
        except example.failure as failure:
            return failure
        finally:
            example.close()
        return None

    return await asyncio.to_thread(run)


def posted(sandbox: Sandbox) -> int:
    """Messages in the channel that an example wrote."""
    written = {MESSAGE["content"], WEBHOOK["content"]}
    return sum(message.content in written for message in sandbox.world.channels["123"].messages.values())


def made(example_type: Any, module: RunningModule) -> Callable[[], Any]:
    return lambda: example_type(module.grpc_port, module.rest_port)


async def test_one_channel_serves_many_calls(example_type: Any, module: RunningModule, sandbox: Sandbox) -> None:
    example = example_type(module.grpc_port, module.rest_port)
    try:
        await asyncio.to_thread(example.act, "SendMessage", MESSAGE)
        await asyncio.to_thread(example.act, "SendMessage", MESSAGE)
    finally:
        example.close()
    assert posted(sandbox) == 2


async def test_a_refused_action_is_not_repeated(
    example_type: Any, module: RunningModule, sandbox: Sandbox, waits: Waits
) -> None:
    failure = await attempt(made(example_type, module), "SendMessage", MESSAGE | {"channel_id": "323"})
    assert (failure.code, failure.outcome) == ("discord_missing_access", "rejected")
    assert failure.action_id
    assert len(sandbox.received("POST")) == 1
    assert waits.seconds == []


async def test_what_was_not_sent_is_repeated_after_the_time_named(
    example_type: Any, sandbox: Sandbox, tmp_path: Path, waits: Waits
) -> None:
    sandbox.faults.add(FaultKind.STATUS, status=503, body={"code": OVERLOADED, "message": "busy"}, count=2)
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db", MAX_RETRIES="0") as module:
        assert await attempt(made(example_type, module), "SendMessage", MESSAGE) is None
    assert len(sandbox.received("POST")) == 3
    assert waits.seconds == [STANDSTILL_SECONDS] * 2
    assert posted(sandbox) == 1


async def test_the_time_for_all_repeats_is_kept(
    example_type: Any, sandbox: Sandbox, tmp_path: Path, waits: Waits
) -> None:
    sandbox.faults.add(FaultKind.STATUS, status=503, body={"code": OVERLOADED, "message": "busy"})
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db", MAX_RETRIES="0") as module:
        failure = await attempt(made(example_type, module), "SendMessage", MESSAGE, within_seconds=0.9)
    assert (failure.code, failure.outcome) == ("discord_unavailable", "not_sent")
    assert waits.seconds == []


async def test_what_may_have_happened_is_told_and_only_its_key_repeats_it(
    example_type: Any, module: RunningModule, sandbox: Sandbox, waits: Waits
) -> None:
    sandbox.faults.add(FaultKind.LOST_REPLY, then=LostReply.RESET, count=1)
    act = made(example_type, module)
    first = await attempt(act, "SendWebhook", WEBHOOK, key="order-1")
    again = await attempt(act, "SendWebhook", WEBHOOK, key="order-1")
    for failure in (first, again):
        assert (failure.code, failure.outcome, failure.action_id) == ("outcome_unknown", "unknown", first.action_id)
    assert (posted(sandbox), waits.seconds) == (1, [])
    assert await attempt(act, "SendWebhook", WEBHOOK, key="order-2") is None
    assert posted(sandbox) == 2


async def test_a_message_that_may_have_been_posted_is_settled_by_its_key(
    example_type: Any, sandbox: Sandbox, tmp_path: Path, waits: Waits
) -> None:
    sandbox.faults.add(FaultKind.LOST_REPLY, then=LostReply.RESET, count=1)
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db", MAX_RETRIES="0") as module:
        act = made(example_type, module)
        first = await attempt(act, "SendMessage", MESSAGE, key="order-3")
        assert (first.outcome, waits.seconds) == ("unknown", [])
        assert await attempt(act, "SendMessage", MESSAGE, key="order-3") is None
    assert (posted(sandbox), len(sandbox.received("POST"))) == (1, 2)


async def test_a_cut_connection_is_repeated_with_the_same_key(
    example_type: Any, module: RunningModule, sandbox: Sandbox, waits: Waits
) -> None:
    """The module has the request and Discord is slow; the caller's way to the module breaks."""
    sandbox.faults.add(FaultKind.LATENCY, seconds=0.3, count=1)
    port = module.grpc_port if example_type is GrpcExample else module.rest_port
    async with relay(port, lambda: bool(sandbox.received("POST"))) as way:
        assert await attempt(lambda: example_type(way.port, way.port), "SendWebhook", WEBHOOK) is None
    assert way.cuts == 0
    assert waits.seconds  # one repeat, or more while gRPC connects anew
    assert (posted(sandbox), len(sandbox.received("POST"))) == (1, 1)


@pytest.mark.parametrize("name", ["grpc_caller", "rest_caller"])
async def test_its_first_lines_say_how_to_run_it(name: str, module: RunningModule, sandbox: Sandbox) -> None:
    (command,) = re.findall(r"^TOKEN=… python (-m .*)$", (ROOT / "examples" / f"{name}.py").read_text(), re.MULTILINE)
    await run_shell(f"cd {ROOT}; {sys.executable} {command}", module)
    (content,) = (message.content for message in sandbox.world.channels["123"].messages.values() if message.nonce)
    assert content in command

"""The same key through the whole module: replicas, impatient routers, killed processes, a Redis that is gone."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest

from proto import discord_action_pb2 as messages
from sandbox import Sandbox
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.conformance.faces import SERVICE, Face, GrpcFace, Heard, RestFace
from tests.support.module import RunningModule, environment, running_module, token
from tests.support.process import Program, serving_program
from tests.support.valkey import ValkeyServer

MESSAGE = {"channel_id": "123", "content": "once"}
WEBHOOK_MESSAGE = {
    "webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    "content": "once",
}
REACTION = {"channel_id": "123", "message_id": "456", "emoji": "👍"}
KEYED = {"Idempotency-Key": "order-66"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey that this test may stop."""
    own = ValkeyServer(tmp_path)
    own.start()
    yield own
    own.stop()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def faces_of(stack: AsyncExitStack, rest_url: str, grpc_target: str) -> list[Face]:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(grpc_target))
    return [RestFace(session, rest_url), GrpcFace(channel)]


async def replica(stack: AsyncExitStack, sandbox: Sandbox, database: Path, **variables: str) -> RunningModule:
    return await stack.enter_async_context(running_module(sandbox, f"sqlite:///{database}", **variables))


def posted(sandbox: Sandbox) -> int:
    """How often the message stands in any channel."""
    channels = sandbox.world.channels.values()
    return sum(one.content == "once" for channel in channels for one in channel.messages.values())


async def arrives(sandbox: Sandbox) -> None:
    async with asyncio.timeout(20):
        while not sandbox.received("POST"):  # noqa: ASYNC110 -- the sandbox has no event for it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("rpc", "fields"), [("SendMessage", MESSAGE), ("SendWebhook", WEBHOOK_MESSAGE)])
async def test_ten_at_once_over_three_replicas_and_both_protocols_act_once(
    stack: AsyncExitStack, sandbox: Sandbox, tmp_path: Path, valkey_url: str, rpc: str, fields: dict[str, Any]
) -> None:
    sandbox.faults.add("latency", seconds=0.3)
    faces: list[Face] = []
    for name in ("a", "b", "c"):
        module = await replica(stack, sandbox, tmp_path / name, REDIS_URL=valkey_url)
        faces += await faces_of(stack, module.rest_url, module.grpc_target)
    heard = await asyncio.gather(*(faces[n % 6].perform(rpc, fields, token(), KEYED) for n in range(10)))
    assert len({repr((one.comparable, one.result, one.action_id)) for one in heard}) == 1
    assert heard[0].code == "ok"
    assert sum(not one.is_replay for one in heard) == 1
    assert posted(sandbox) == 1
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("kind", ["file", "redis"])
@pytest.mark.parametrize(("rpc", "fields"), [("SendMessage", MESSAGE), ("SendWebhook", WEBHOOK_MESSAGE)])
async def test_an_impatient_router_that_repeats_gets_one_message(
    stack: AsyncExitStack,
    sandbox: Sandbox,
    tmp_path: Path,
    valkey_url: str,
    kind: str,
    rpc: str,
    fields: dict[str, Any],
) -> None:
    sandbox.faults.add("latency", seconds=3)
    shared = {"REDIS_URL": valkey_url} if kind == "redis" else {}
    module = await replica(stack, sandbox, tmp_path / "a", **shared)
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(module.grpc_target))
    codes = [await impatient(channel, rpc, fields) for _ in range(4)]
    assert grpc.StatusCode.UNAVAILABLE not in codes
    heard = await GrpcFace(channel).perform(rpc, fields, token(), KEYED)
    assert posted(sandbox) == 1
    assert heard.code in {"ok", "outcome_unknown"}
    assert heard.is_replay


async def impatient(channel: grpc.aio.Channel, rpc: str, fields: dict[str, Any]) -> grpc.StatusCode:
    """What a router hears that waits for a second only."""
    call: grpc.aio.UnaryUnaryMultiCallable[Any, Any] = channel.unary_unary(
        SERVICE + rpc,
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=getattr(messages, f"{rpc}Response").FromString,
    )
    metadata = (("authorization", f"Bearer {token()}"), ("idempotency-key", "order-66"))
    try:
        await call(getattr(messages, f"{rpc}Request")(**fields), metadata=metadata, timeout=1)
    except grpc.aio.AioRpcError as exc:
        return exc.code()
    return grpc.StatusCode.OK


async def test_a_router_that_hangs_up_and_repeats_hears_the_answer(
    stack: AsyncExitStack, sandbox: Sandbox, tmp_path: Path
) -> None:
    fault = sandbox.faults.add("hang")
    module = await replica(stack, sandbox, tmp_path / "a")
    rest, _ = await faces_of(stack, module.rest_url, module.grpc_target)

    def asking() -> asyncio.Task[Heard]:
        return asyncio.create_task(rest.perform("SendWebhook", WEBHOOK_MESSAGE, token(), KEYED))

    for _ in range(3):
        given_up = asking()
        await arrives(sandbox)
        await asyncio.wait((given_up,), timeout=0.4)
        given_up.cancel()
        await asyncio.wait((given_up,))
    last = asking()
    await asyncio.wait((last,), timeout=0.4)
    sandbox.faults.remove(fault.id)
    heard = await last
    assert (heard.code, heard.is_replay) == ("ok", True)
    assert posted(sandbox) == 1


# In Redis a dead process is known by its lease, which takes its time to run out.
@pytest.mark.parametrize("kind", ["file", pytest.param("redis", marks=pytest.mark.prove)])
@pytest.mark.parametrize(
    ("rpc", "fields", "code"), [("SendMessage", MESSAGE, "ok"), ("SendWebhook", WEBHOOK_MESSAGE, "outcome_unknown")]
)
async def test_what_a_killed_process_left_is_never_done_twice(
    sandbox: Sandbox, tmp_path: Path, valkey_url: str, kind: str, rpc: str, fields: dict[str, Any], code: str
) -> None:
    shared = {"REDIS_URL": valkey_url} if kind == "redis" else {}
    variables = environment(sandbox, f"sqlite:///{tmp_path / 'actions.db'}", **shared)
    fault = sandbox.faults.add("latency", seconds=30)
    async with serving_program(variables) as first:
        asking = asyncio.create_task(ask(first, rpc, fields))
        await arrives(sandbox)
        await asyncio.sleep(0.2)
        first.signal(signal.SIGKILL)
        await asyncio.gather(asking, return_exceptions=True)
    assert posted(sandbox) == 1
    sandbox.faults.remove(fault.id)
    async with serving_program(variables) as second:
        heard = [await ask(second, rpc, fields) for _ in range(2)]
        second.signal(signal.SIGTERM)
        assert await second.ends() == 0
    assert [one.code for one in heard] == [code, code]
    assert heard[1].is_replay
    assert posted(sandbox) == 1


async def ask(started: Program, rpc: str, fields: dict[str, Any]) -> Heard:
    async with aiohttp.ClientSession() as session:
        return await RestFace(session, started.rest_url).perform(rpc, fields, token(), KEYED)


async def test_while_redis_is_gone_what_could_act_twice_waits_and_the_rest_goes_on(
    stack: AsyncExitStack, sandbox: Sandbox, tmp_path: Path, server: ValkeyServer
) -> None:
    module = await replica(stack, sandbox, tmp_path / "a", REDIS_URL=server.url)
    faces = await faces_of(stack, module.rest_url, module.grpc_target)
    server.kill()
    for face in faces:
        refused = await face.perform("SendMessage", MESSAGE, token(), KEYED)
        assert (refused.code, refused.outcome, refused.is_retryable) == ("audit_unavailable", "not_sent", True)
        assert refused.status in {503, "UNAVAILABLE"}
        assert refused.retry_after_seconds
        assert (await module.row(str(refused.action_id))).outcome == "not_sent"
        assert (await face.perform("AddReaction", REACTION, token(), KEYED)).code == "ok"
        assert (await face.perform("SendMessage", {**MESSAGE, "content": "unkeyed"}, token())).code == "ok"
    assert posted(sandbox) == 0
    server.start()
    async with asyncio.timeout(20):
        while (heard := await faces[0].perform("SendMessage", MESSAGE, token(), KEYED)).code != "ok":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert not heard.is_replay
    assert (await faces[1].perform("SendMessage", MESSAGE, token(), KEYED)).is_replay
    assert posted(sandbox) == 1

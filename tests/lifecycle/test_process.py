"""The life of the real process: start, stop, and what happens to what runs."""

import asyncio
import signal
import socket
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sandbox import Sandbox
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.conformance.faces import GrpcFace, Heard, RestFace
from tests.support.module import environment, token
from tests.support.process import Program, program, serving_program, status_of

WEBHOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
MESSAGE = {"channel_id": "123", "content": "hello"}
WEBHOOK_MESSAGE = {"webhook_url": WEBHOOK, "content": "hi"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "actions.db"


@pytest.fixture
def variables(sandbox: Sandbox, database: Path) -> dict[str, str]:
    return environment(sandbox, f"sqlite:///{database}", SHUTDOWN_GRACE="3")


def rows(database: Path) -> dict[str, str]:
    with sqlite3.connect(database) as connection:
        found = dict(connection.execute("SELECT action_id, outcome FROM discord_actions"))
    connection.close()
    return found


async def ask(started: Program, protocol: str, rpc: str, fields: Mapping[str, Any]) -> Heard:
    if protocol == "rest":
        async with aiohttp.ClientSession() as session:
            return await RestFace(session, started.rest_url).perform(rpc, fields, token())
    async with grpc.aio.insecure_channel(started.grpc_target) as channel:
        return await GrpcFace(channel).perform(rpc, fields, token())


async def arrives(sandbox: Sandbox) -> None:
    async with asyncio.timeout(20):
        while not sandbox.received("POST"):  # noqa: ASYNC110 -- the sandbox has no event for it
            await asyncio.sleep(0.01)


async def test_it_serves_and_stops_with_0(variables: dict[str, str], database: Path) -> None:
    async with serving_program(variables) as started:
        assert await status_of(started.rest_url + "/health") == 200
        heard = [await ask(started, protocol, "SendMessage", MESSAGE) for protocol in ("grpc", "rest")]
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    assert started.said("stopped")
    assert started.errors == []
    assert rows(database) == {one.action_id: "delivered" for one in heard}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_process_stops_at_once(variables: dict[str, str], number: signal.Signals) -> None:
    async with serving_program(variables | {"SHUTDOWN_GRACE": "25"}) as started, aiohttp.ClientSession() as session:
        async with session.get(started.rest_url + "/health/live") as kept_open:
            assert kept_open.status == 200
        began = time.monotonic()
        started.signal(number)
        assert await started.ends() == 0
        assert time.monotonic() - began < 10  # it waits out no grace


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
async def test_what_runs_finishes_within_the_grace(
    variables: dict[str, str], database: Path, sandbox: Sandbox, protocol: str
) -> None:
    sandbox.faults.add("latency", seconds=1)
    async with serving_program(variables) as started:
        asking = asyncio.create_task(ask(started, protocol, "SendMessage", MESSAGE))
        await arrives(sandbox)
        started.signal(signal.SIGTERM)
        heard = await asking
        assert await started.ends() == 0
    assert heard.code == "ok"
    assert rows(database) == {heard.action_id: "delivered"}


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
async def test_what_cannot_finish_is_answered_and_recorded_as_unknown(
    variables: dict[str, str], database: Path, sandbox: Sandbox, protocol: str
) -> None:
    sandbox.faults.add("hang")
    async with serving_program(variables) as started:
        asking = asyncio.create_task(ask(started, protocol, "SendWebhook", WEBHOOK_MESSAGE))
        await arrives(sandbox)
        began = time.monotonic()
        started.signal(signal.SIGTERM)
        heard = await asking
        assert await started.ends() == 0
        assert time.monotonic() - began < 3 + 5
    assert (heard.code, heard.outcome) == ("outcome_unknown", "unknown")
    assert rows(database) == {heard.action_id: "unknown"}


async def test_while_it_pauses_load_balancers_are_told(variables: dict[str, str]) -> None:
    async with serving_program(variables | {"SHUTDOWN_PAUSE": "2"}) as started:
        async with grpc.aio.insecure_channel(started.grpc_target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service="discord_action.DiscordAction")
            assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
            started.signal(signal.SIGTERM)
            await started.says("stopping")
            assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await status_of(started.rest_url + "/health/ready") == 503
        assert await status_of(started.rest_url + "/health/live") == 200
        assert (await ask(started, "rest", "SendMessage", MESSAGE)).code == "ok"
        assert await started.ends() == 0


async def test_every_problem_of_the_configuration_is_named_and_it_exits_with_2() -> None:
    async with program({"DATABASE_URL": "mysql://x", "GRPC_PORT": "x"}, "check-config") as started:
        assert await started.ends() == 2
    told = "\n".join(started.errors)
    for name in ("DISCORD_BOT_TOKEN", "MODULE_SECRET_KEY", "DATABASE_URL", "GRPC_PORT"):
        assert name in told


async def test_a_missing_bot_token_alone_is_told_with_the_way_to_do_without(variables: dict[str, str]) -> None:
    del variables["DISCORD_BOT_TOKEN"]
    async with program(variables, "check-config") as started:
        assert await started.ends() == 2
    assert [line.partition(":")[0] for line in started.errors] == [
        "DISCORD_BOT_TOKEN",
        "All else is there. Without a token, ./setup.sh run serves against the sandbox.",
    ]


async def test_a_sound_configuration_exits_with_0(variables: dict[str, str]) -> None:
    async with program(variables, "check-config") as started:
        assert await started.ends() == 0
    assert started.said("The configuration is complete.")


@pytest.mark.parametrize("variable", ["GRPC_PORT", "REST_PORT"])
async def test_a_taken_port_is_named(variables: dict[str, str], variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        async with program(variables | {variable: port}) as started:
            line = await started.says("cannot start")
            assert await started.ends() == 1
    assert port in str(line["reason"])
    assert variable in str(line["reason"])


async def test_a_caller_that_disconnects_does_not_stop_what_was_sent(
    variables: dict[str, str], database: Path, sandbox: Sandbox
) -> None:
    sandbox.faults.add("latency", seconds=1)
    async with serving_program(variables) as started:
        for protocol in ("grpc", "rest"):
            sandbox.requests.clear()
            asking = asyncio.create_task(ask(started, protocol, "SendMessage", MESSAGE))
            await arrives(sandbox)
            asking.cancel()
            await asyncio.wait((asking,))
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    assert list(rows(database).values()) == ["delivered", "delivered"]

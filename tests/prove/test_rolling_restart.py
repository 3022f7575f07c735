"""A rolling restart under load, as docs/operations.md describes it: no action fails, and every action is a row.

The caller does what it is asked to there: it knows every address, takes turns, watches health, and waits for a
replica that is ready. It repeats nothing: what is counted here is what happened at the first try.
"""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psycopg2
import pytest

from proto import discord_action_pb2 as messages
from sandbox import Options, Sandbox
from sandbox.model import Channel, ChannelType
from tests.prove.evidence import keep
from tests.support.module import environment, token
from tests.support.process import Program, serving_program
from tests.support.programs import free_port

REPLICAS = 3
PER_SECOND = 40
CHANNELS = [str(30_000 + number) for number in range(80)]
"""A channel takes one message a second, so that these take twice the rate."""
SEND = "/discord_action.DiscordAction/SendMessage"
PAUSE_SECONDS = 2.0
IN_FLIGHT = 100
CALLER_SECONDS = 20.0
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": "discord_action.DiscordAction"},
    "methodConfig": [{"name": [{"service": "discord_action.DiscordAction"}], "waitForReady": True}],
}


@dataclass
class Heard:
    """What the caller was told."""

    action_ids: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0


class Caller:
    """Sends at a steady rate until it is stopped."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._send = channel.unary_unary(
            SEND,
            request_serializer=messages.SendMessageRequest.SerializeToString,
            response_deserializer=messages.SendMessageResponse.FromString,
        )
        self._bearer = token()
        self.heard = Heard()
        self.is_stopped = False

    async def run(self) -> None:
        """A call every 1/PER_SECOND s, whatever became of the ones before; then the answers that are still out."""
        due, number = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while not self.is_stopped:
                group.create_task(self.call(CHANNELS[number % len(CHANNELS)]))
                number += 1
                due += 1 / PER_SECOND
                await asyncio.sleep(max(due - time.monotonic(), 0))

    async def call(self, channel_id: str) -> None:
        """One message."""
        began = time.monotonic()
        request = messages.SendMessageRequest(channel_id=channel_id, content="rolling")
        try:
            answer = await self._send(
                request, metadata=[("authorization", f"Bearer {self._bearer}")], timeout=CALLER_SECONDS
            )
        except grpc.aio.AioRpcError as exc:
            self.heard.failed[f"{exc.code().name}: {exc.details()}"[:160]] += 1
        else:
            self.heard.action_ids.append(answer.action_id)
        self.heard.slowest_seconds = max(self.heard.slowest_seconds, time.monotonic() - began)


class Replicas:
    """Three processes at addresses that stay."""

    def __init__(self, sandbox: Sandbox, database_url: str, redis_url: str, folder: Path) -> None:
        self._variables = [
            environment(
                sandbox,
                database_url,
                REDIS_URL=redis_url,
                GRPC_PORT=str(free_port()),
                JOURNAL_DIR=str(folder / f"journal-{number}"),
                SHUTDOWN_PAUSE=str(PAUSE_SECONDS),
                SHUTDOWN_GRACE="8",
            )
            for number in range(REPLICAS)
        ]
        self._stacks: list[AsyncExitStack] = []
        self._programs: list[Program] = []

    @property
    def target(self) -> str:
        return "ipv4:" + ",".join(f"127.0.0.1:{variables['GRPC_PORT']}" for variables in self._variables)

    async def start(self) -> None:
        """Starts all."""
        for number in range(REPLICAS):
            self._stacks.append(AsyncExitStack())
            self._programs.append(await self._stacks[number].enter_async_context(self._program(number)))

    async def restart(self, number: int) -> float:
        """Stops one and starts it again. Gives the seconds its stop took beyond the pause."""
        began = time.monotonic()
        self._programs[number].signal(signal.SIGTERM)
        assert await self._programs[number].ends() == 0
        took = time.monotonic() - began
        await self._stacks[number].aclose()
        self._stacks[number] = AsyncExitStack()
        self._programs[number] = await self._stacks[number].enter_async_context(self._program(number))
        return took - PAUSE_SECONDS

    async def stop(self) -> None:
        """Stops all, in order."""
        for program in self._programs:
            program.signal(signal.SIGTERM)
        for program in self._programs:
            assert await program.ends() == 0
        await self.close()

    async def close(self) -> None:
        for stack in self._stacks:
            await stack.aclose()

    def _program(self, number: int) -> "asynccontextmanager":  # type: ignore[valid-type]
        return serving_program(self._variables[number])


@asynccontextmanager
async def stage(folder: Path, database_url: str, redis_url: str) -> AsyncIterator[tuple[Sandbox, Replicas]]:
    async with Sandbox.serving(Options(latency_seconds=0.05, recorded_requests=50_000)) as sandbox:
        for channel_id in CHANNELS:
            sandbox.world.open_channel(Channel(channel_id, ChannelType.TEXT, f"rolling-{channel_id}", "1"))
        replicas = Replicas(sandbox, database_url, redis_url, folder)
        try:
            await replicas.start()
            yield sandbox, replicas
        finally:
            await replicas.close()


def outcomes(url: str) -> Counter[str]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT outcome, count(*) FROM discord_actions GROUP BY outcome")
            return Counter(dict(cursor.fetchall()))
    finally:
        connection.close()


async def roll(folder: Path, database_url: str, redis_url: str, rounds: int, between_seconds: float) -> None:
    async with stage(folder, database_url, redis_url) as (sandbox, replicas):
        options = [("grpc.service_config", json.dumps(SERVICE_CONFIG))]
        async with grpc.aio.insecure_channel(replicas.target, options=options) as channel:
            caller = Caller(channel)
            calling = asyncio.create_task(caller.run())
            await asyncio.sleep(between_seconds)
            stops = []
            for _ in range(rounds):
                for number in range(REPLICAS):
                    stops.append(await replicas.restart(number))
                    await asyncio.sleep(between_seconds)
            caller.is_stopped = True
            await calling
        await replicas.stop()
        rows, heard = await asyncio.to_thread(outcomes, database_url), caller.heard
        posted = sum(1 for request in sandbox.received("POST") if request.applied)
        keep(
            f"a rolling restart of {REPLICAS} replicas, {PER_SECOND} actions/s, {rounds} rounds",
            "no failed action, rows = actions",
            actions=len(heard.action_ids),
            failed=sum(heard.failed.values()),
            rows=rows.total(),
            messages=posted,
            slowest_seconds=round(heard.slowest_seconds, 2),
            longest_stop_seconds=round(max(stops), 2),
        )
        assert heard.failed == {}
        assert rows == {"delivered": len(heard.action_ids)}
        assert posted == len(heard.action_ids) == len(set(heard.action_ids))


async def test_no_action_fails_while_replicas_restart(tmp_path: Path, postgres_url: str, valkey_url: str) -> None:
    await roll(tmp_path, postgres_url, valkey_url, rounds=1, between_seconds=0.5)


async def test_a_hundred_in_flight_are_finished_before_the_end(tmp_path: Path, postgres_url: str) -> None:
    free = {"DISCORD_RATE_LIMIT_GLOBAL": "100000", "DISCORD_RATE_LIMIT_PER_CHANNEL": "100000"}
    async with (
        Sandbox.serving(Options(limits_enabled=False, latency_seconds=3.0)) as sandbox,
        serving_program(environment(sandbox, postgres_url, **free)) as program,
        grpc.aio.insecure_channel(program.grpc_target) as channel,
    ):
        caller = Caller(channel)
        calls = [asyncio.create_task(caller.call("123")) for _ in range(IN_FLIGHT)]
        async with asyncio.timeout(20):
            while len(sandbox.received("POST")) < IN_FLIGHT:  # noqa: ASYNC110 -- the sandbox has no event for it
                await asyncio.sleep(0.01)
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        await asyncio.gather(*calls)
        assert await program.ends() == 0
        seconds = time.monotonic() - began
    keep(f"a stop with {IN_FLIGHT} in flight, 3 s each at Discord", "≤ 10 s", seconds=round(seconds, 2))
    assert caller.heard.failed == {}
    assert outcomes(postgres_url) == {"delivered": IN_FLIGHT}


@pytest.mark.prove
@pytest.mark.timeout(300)
async def test_no_action_fails_while_replicas_restart_again_and_again(
    tmp_path: Path, postgres_url: str, valkey_url: str
) -> None:
    await roll(tmp_path, postgres_url, valkey_url, rounds=4, between_seconds=3.0)

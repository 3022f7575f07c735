"""Connections are renewed under a client that works, and it notices nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from config import DeadlineSettings, ServerSettings
from proto.discord_action_pb2 import SendMessageRequest
from proto.discord_action_pb2_grpc import DiscordActionStub
from services.actions import Action
from services.discord_service import Performed
from services.grpc_handler import Bounds
from services.ports import Request
from tests.support.relay import pass_on
from tests.unit.grpc_handler.caller import AUTHORIZED, deliver, serving

AGE_SECONDS = 0.5
LONG_CALL_SECONDS = 2.0
PINGS = (("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_permit_without_calls", 1))
MESSAGE = SendMessageRequest(channel_id="123", content="hello")


@dataclass(slots=True)
class Relay:
    """Stands before a server, as a cluster's address does, and counts the connections that come."""

    port: int = 0
    count: int = 0


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    relay = Relay()
    tasks = set[asyncio.Task[None]]()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay.count += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        for ends in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(pass_on(*ends))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    async with server:
        yield relay
        left = tuple(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def take_your_time(action: Action, request: Request) -> Performed:
    if getattr(action, "content", "") == "long":
        await asyncio.sleep(LONG_CALL_SECONDS)
    return await deliver(action, request)


async def test_a_client_under_load_sees_no_failed_call_while_connections_are_renewed() -> None:
    bounds = Bounds(longest_connection_seconds=AGE_SECONDS, longest_call_seconds_after_connection=10)
    async with (
        serving(take_your_time, bounds=bounds) as served,
        relay_to(served.port) as relay,
        grpc.aio.insecure_channel(f"127.0.0.1:{relay.port}", options=PINGS) as channel,
    ):
        stub = DiscordActionStub(channel)
        long_message = SendMessageRequest(channel_id="123", content="long")
        long_call = asyncio.ensure_future(stub.SendMessage(long_message, metadata=AUTHORIZED, timeout=10))
        count = 0
        while not long_call.done() or relay.count < 4:
            answers = await asyncio.gather(*(stub.SendMessage(MESSAGE, metadata=AUTHORIZED) for _ in range(5)))
            assert all(answer.success for answer in answers)
            count += len(answers)
        assert (await long_call).success
        assert relay.count >= 4
        assert len(served.service.asked) == count + 1


def test_a_call_may_outlast_its_connection_by_the_longest_wait() -> None:
    deadlines = DeadlineSettings(default_seconds=30, longest_seconds=400)
    options = dict(Bounds.of(ServerSettings(grpc_max_connection_age_seconds=600), deadlines).options())

    assert options["grpc.max_connection_age_ms"] == 600_000
    assert options["grpc.max_connection_age_grace_ms"] >= 400_000

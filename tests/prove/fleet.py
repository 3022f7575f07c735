"""Replicas of the real program before one sandbox, and callers that hand messages over to them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from proto import discord_action_pb2 as messages
from sandbox import Options, Sandbox
from sandbox.model import Channel, ChannelType
from tests.support.module import environment, token
from tests.support.process import Program, serving_program

LATENCY_SECONDS = 0.02
CALLER_SECONDS = 120.0
FIRST_CHANNEL = 10_000
SEND = "/discord_action.DiscordAction/SendMessage"
BAN = "/discord_action.DiscordAction/BanUser"


@dataclass
class Told:
    """What callers heard: codes of failures, and when each answer came (monotonic seconds)."""

    answered: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)


class Replica:
    """One process, and a caller's channel to it."""

    def __init__(self, program: Program, channel: grpc.aio.Channel) -> None:
        self.program = program
        self._send = channel.unary_unary(
            SEND,
            request_serializer=messages.SendMessageRequest.SerializeToString,
            response_deserializer=messages.SendMessageResponse.FromString,
        )
        self._ban = channel.unary_unary(
            BAN,
            request_serializer=messages.BanUserRequest.SerializeToString,
            response_deserializer=messages.BanUserResponse.FromString,
        )

    async def send(self, channel_id: str, told: Told, *, caller: str = "router", is_bulk: bool = False) -> None:
        """Sends one message and notes what became of it."""
        metadata = [("authorization", f"Bearer {token(client_id=caller)}")]
        if is_bulk:
            metadata.append(("x-priority", "bulk"))
        request = messages.SendMessageRequest(channel_id=channel_id, content="hello")
        try:
            await self._send(request, metadata=metadata, timeout=CALLER_SECONDS)
        except grpc.aio.AioRpcError as exc:
            told.failed[f"{exc.code().name}: {exc.details()}"[:120]] += 1
        else:
            told.answered.append(time.monotonic())

    async def ban(self, user_id: str) -> None:
        request = messages.BanUserRequest(guild_id="1", user_id=user_id, reason="proof")
        await self._ban(request, metadata=[("authorization", f"Bearer {token()}")], timeout=CALLER_SECONDS)


class Fleet:
    """Replicas before a sandbox whose replies take 20 ms."""

    def __init__(self, sandbox: Sandbox, folder: Path, stack: AsyncExitStack, redis_url: str | None) -> None:
        self.sandbox = sandbox
        self.replicas: list[Replica] = []
        self._folder = folder
        self._stack = stack
        self._redis_url = redis_url

    async def add(self) -> Replica:
        """One more replica, serving."""
        folder = self._folder / f"replica-{len(self.replicas)}"
        folder.mkdir()
        own = {"JOURNAL_DIR": str(folder / "journal"), "SHUTDOWN_GRACE": "1"}
        shared = {"REDIS_URL": self._redis_url} if self._redis_url else {}
        variables = environment(self.sandbox, f"sqlite:///{folder}/actions.db", **own, **shared)
        program = await self._stack.enter_async_context(serving_program(variables))
        channel = await self._stack.enter_async_context(grpc.aio.insecure_channel(program.grpc_target))
        self.replicas.append(Replica(program, channel))
        return self.replicas[-1]

    def channels(self, number: int) -> list[str]:
        """Text channels of the sandbox's guild."""
        made = [str(FIRST_CHANNEL + n) for n in range(number)]
        for channel_id in made:
            self.sandbox.world.open_channel(Channel(channel_id, ChannelType.TEXT, f"proof-{channel_id}", "1"))
        return made

    async def hand_over(self, channels: Sequence[str], each: int, spread: Sequence[int], told: Told) -> float:
        """All messages at once, replicas in the pattern of `spread`. Gives the seconds until the last answer."""
        began = time.monotonic()
        order = [(channel, number) for number in range(each) for channel in channels]
        async with asyncio.TaskGroup() as group:
            for place, (channel, _) in enumerate(order):
                replica = self.replicas[spread[place % len(spread)]]
                group.create_task(replica.send(channel, told, caller=f"caller-{place % 4}"))
        return max(told.answered, default=began) - began

    @property
    def refused(self) -> dict[str, int]:
        """429s by scope."""
        return {scope.value: count for scope, count in self.sandbox.limiter.refused.items()}

    @property
    def times_alone(self) -> int:
        """How often a replica did without Redis."""
        said = [line for replica in self.replicas for line in replica.program.lines]
        return sum(line.get("message") == "limits are kept alone, with a share" for line in said)

    @property
    def delivered(self) -> int:
        """Messages that the sandbox made."""
        return sum(1 for r in self.sandbox.received("POST") if r.applied)


@asynccontextmanager
async def fleet(
    folder: Path, replicas: int, redis_url: str | None = None, rules: Mapping[str, Mapping[str, object]] | None = None
) -> AsyncIterator[Fleet]:
    """A sandbox and so many replicas, stopped at the end."""
    options = Options(latency_seconds=LATENCY_SECONDS, recorded_requests=20_000)
    async with Sandbox.serving(options) as sandbox, AsyncExitStack() as stack:
        for name, changes in (rules or {}).items():
            sandbox.limiter.change_rule(name, dict(changes))
        made = Fleet(sandbox, folder, stack, redis_url)
        for _ in range(replicas):
            await made.add()
        if redis_url and replicas > 1:
            await asyncio.sleep(1.5)  # every replica has heard of every other
        yield made

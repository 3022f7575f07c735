"""The platform's router, as the browser tests play it: actions over gRPC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from proto import discord_action_pb2 as pb
from proto.discord_action_pb2_grpc import DiscordActionStub
from tests.support.module import RunningModule, token

DEADLINE_SECONDS = 10.0


class Caller:
    """`await caller("SendMessage", channel_id=…)` gives the response; a failure raises `grpc.aio.AioRpcError`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = DiscordActionStub(channel)

    async def __call__(self, rpc: str, **fields: Any) -> Any:
        request = getattr(pb, f"{rpc}Request")(**fields)
        metadata = [("authorization", f"Bearer {token()}")]
        return await getattr(self._stub, rpc)(request, metadata=metadata, timeout=DEADLINE_SECONDS)


@asynccontextmanager
async def calling(module: RunningModule) -> AsyncIterator[Caller]:
    """A caller with a channel of its own."""
    async with grpc.aio.insecure_channel(module.grpc_target) as channel:
        yield Caller(channel)

"""Callers of a module in a container: one over each protocol."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc

from proto import discord_action_pb2 as pb
from proto.discord_action_pb2_grpc import DiscordActionStub
from tests.support.module import token

CHANNEL = "123"
VISIBLE_WITHIN_SECONDS = 30.0
CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Callers:
    """They know the key of `tests.support.module`, unless given a token."""

    rest_port: int
    grpc_port: int
    host: str = "127.0.0.1"

    async def post(self, content: str) -> dict[str, Any]:
        """Posts a message over REST and gives the answer."""
        async with (
            self._session() as session,
            session.post("/api/v1/message", json={"channel_id": CHANNEL, "content": content}) as answer,
        ):
            body: dict[str, Any] = await answer.json()
            assert answer.status == 200, body
            return body

    async def send(self, content: str) -> pb.SendMessageResponse:
        """Posts a message over gRPC and gives the answer. Raises grpc.aio.AioRpcError."""
        async with grpc.aio.insecure_channel(f"{self.host}:{self.grpc_port}") as channel:
            request = pb.SendMessageRequest(channel_id=CHANNEL, content=content)
            metadata = (("authorization", f"Bearer {token()}"),)
            return await DiscordActionStub(channel).SendMessage(request, metadata=metadata, timeout=CALL_SECONDS)

    async def row(self, action_id: str) -> dict[str, Any]:
        """The row of an action; it may take a moment to appear."""
        until = time.monotonic() + VISIBLE_WITHIN_SECONDS
        async with self._session() as session:
            while time.monotonic() < until:
                async with session.get(f"/api/v1/actions/{action_id}") as answer:
                    if answer.status == 200:
                        row: dict[str, Any] = await answer.json()
                        return row
                await asyncio.sleep(0.05)
        raise AssertionError(f"no row of {action_id} within {VISIBLE_WITHIN_SECONDS} s")

    async def health(self) -> tuple[int, dict[str, Any]]:
        """The status of /health, and what it says."""
        async with self._session() as session, session.get("/health") as answer:
            return answer.status, await answer.json()

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            f"http://{self.host}:{self.rest_port}",
            headers={"Authorization": f"Bearer {token()}"},
            timeout=aiohttp.ClientTimeout(CALL_SECONDS),
        )

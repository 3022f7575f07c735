"""A whole module for all tests of a file: what is tried on it leaves nothing behind that the next attack could use."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc

from sandbox import Options, Sandbox
from tests.conformance.faces import Face, GrpcFace, Heard, RestFace
from tests.support.module import RunningModule, running_module

# What is tried here has nothing to do with Discord's limits, and must not wait for them.
UNLIMITED = {"DISCORD_RATE_LIMIT_GLOBAL": "10000", "DISCORD_RATE_LIMIT_PER_CHANNEL": "10000"}


@dataclass(frozen=True, slots=True)
class Door:
    """The module, both ways to it, and what stands behind it."""

    sandbox: Sandbox
    module: RunningModule
    session: aiohttp.ClientSession
    faces: Mapping[str, Face]

    async def hears(self, protocol: str, rpc: str, fields: Mapping[str, Any], token: str) -> Heard:
        return await self.faces[protocol].perform(rpc, fields, token)

    async def get(self, path: str, token: str) -> tuple[int, Any]:
        """The status and the JSON of a GET."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.get(self.module.rest_url + path, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def ask_token(self, headers: Mapping[str, str] | None = None, **fields: Any) -> tuple[int, dict[str, Any]]:
        """The status and the body of a request for a token."""
        url = self.module.rest_url + "/api/v1/token"
        async with self.session.post(url, json=fields, headers=headers) as response:
            return response.status, await response.json(content_type=None)


@asynccontextmanager
async def open_door(folder: Path, **variables: str) -> AsyncIterator[Door]:
    """A module with these variables, in front of a sandbox without limits."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.serving(Options(limits_enabled=False)))
        running = running_module(sandbox, f"sqlite:///{folder}/actions.db", **UNLIMITED | variables)
        module = await stack.enter_async_context(running)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(module.grpc_target))
        faces: dict[str, Face] = {"rest": RestFace(session, module.rest_url), "grpc": GrpcFace(channel)}
        yield Door(sandbox, module, session, faces)

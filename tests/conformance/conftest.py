"""One module in front of one sandbox for all cases; each case starts from the seeds with nothing learned of limits."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import grpc
import pytest

from sandbox import Options, Sandbox
from tests.conformance.faces import Face, GrpcFace, RestFace
from tests.support.module import RunningModule, running_module


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving(Options(limits_enabled=False)) as served:
        yield served


@pytest.fixture
async def module(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[RunningModule]:
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db") as running:
        yield running


@pytest.fixture
async def faces(module: RunningModule) -> AsyncIterator[dict[str, Face]]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(module.grpc_target))
        yield {"rest": RestFace(session, module.rest_url), "grpc": GrpcFace(channel)}


@pytest.fixture(params=["grpc", "rest"])
def face(request: pytest.FixtureRequest, faces: dict[str, Face]) -> Face:
    return faces[request.param]

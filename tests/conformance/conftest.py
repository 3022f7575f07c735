"""One module in front of one sandbox for all cases; each case starts from the seeds with nothing learned of limits."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import grpc
import pytest

from tests.conformance.faces import Face, GrpcFace, RestFace
from tests.support.module import RunningModule


@pytest.fixture
async def faces(module: RunningModule) -> AsyncIterator[dict[str, Face]]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(module.grpc_target))
        yield {"rest": RestFace(session, module.rest_url), "grpc": GrpcFace(channel)}


@pytest.fixture(params=["grpc", "rest"])
def face(request: pytest.FixtureRequest, faces: dict[str, Face]) -> Face:
    return faces[request.param]

from collections.abc import AsyncIterator

import pytest

from tests.unit.grpc_handler.caller import Serving, serving


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving() as running:
        yield running

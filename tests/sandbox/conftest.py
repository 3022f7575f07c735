"""A sandbox per test, served on a free port.

The clock stands still unless a test moves it: limits and nonces become exact.
"""

from collections.abc import AsyncIterator

import pytest

from sandbox import ManualClock, Options, Sandbox
from tests.sandbox.client import Client, client_of


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Limits off: most tests are about other rules."""
    async with Sandbox.serving(Options(limits_enabled=False), ManualClock()) as served:
        yield served


@pytest.fixture
async def limited() -> AsyncIterator[Sandbox]:
    """Limits on."""
    async with Sandbox.serving(Options(), ManualClock()) as served:
        yield served


@pytest.fixture
async def call(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with client_of(sandbox) as client:
        yield client


@pytest.fixture
async def limited_call(limited: Sandbox) -> AsyncIterator[Client]:
    async with client_of(limited) as client:
        yield client

"""One sandbox without limits, as real programs meet it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox import Options, Sandbox
from tests.prove.record.load import FREE_LIMITS
from tests.support.module import environment

LATENCY_SECONDS = 0.02
KEPT = 500_000


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    options = Options(
        limits_enabled=False, latency_seconds=LATENCY_SECONDS, recorded_requests=KEPT, messages_per_channel=KEPT
    )
    async with Sandbox.serving(options) as served:
        yield served


@pytest.fixture
def variables(sandbox: Sandbox, postgres_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a program on PostgreSQL with a journal that outlives it."""
    folder = str(tmp_path / "journal")
    return environment(sandbox, postgres_url, JOURNAL_DIR=folder, SHUTDOWN_GRACE="3", **FREE_LIMITS)

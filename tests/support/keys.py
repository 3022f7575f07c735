"""Stores of idempotency keys as tests open them: several over the same table stand for replicas, or for a restart."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from config import Secret
from services.errors import DiscordSaid, ErrorCode, Failure, OutcomeKind, Violation
from services.idempotency.file_store import FileTable
from services.idempotency.in_process import InProcessTable
from services.idempotency.redis_store import RedisTable
from services.idempotency.store import IdempotencyKeys
from services.idempotency.table import KeyTable
from services.ports import Answer, IdempotencyClaim
from services.redis_link import RedisLink

NAMESPACE = "test"
LEASE_SECONDS = 1.0
"""Of a store whose lease is to run out in a test. Otherwise it is long: a machine that stands still ends none."""


class RealClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


CLOCK = RealClock()


@dataclass(slots=True)
class Bounds:
    """What a test wants smaller than it is."""

    kept_seconds: float = 60.0
    most_keys: int = 1000
    lease_seconds: float = 60.0


@dataclass(slots=True)
class Replicas:
    """Opens stores that share one table."""

    kind: str
    stack: AsyncExitStack
    folder: Path
    redis_url: str = ""
    bounds: Bounds = field(default_factory=Bounds)
    _memory: InProcessTable | None = None

    async def open(self) -> IdempotencyKeys:
        return await self.stack.enter_async_context(IdempotencyKeys(await self._table(), CLOCK))

    async def _table(self) -> KeyTable:
        kept, most = self.bounds.kept_seconds, self.bounds.most_keys
        if self.kind == "file":
            return FileTable(self.folder, CLOCK, most, kept)
        if self.kind == "in_process":
            self._memory = self._memory or InProcessTable(CLOCK, most, kept)
            return self._memory
        link = await self.stack.enter_async_context(link_to(self.redis_url))
        return RedisTable(
            link, CLOCK, lease_seconds=self.bounds.lease_seconds, kept_seconds=kept, most_keys_per_caller=most
        )


def link_to(url: str) -> RedisLink:
    return RedisLink(Secret(url), NAMESPACE, CLOCK)


@asynccontextmanager
async def replicas(kind: str, folder: Path, redis_url: Callable[[], str]) -> AsyncIterator[Replicas]:
    async with AsyncExitStack() as stack:
        yield Replicas(kind, stack, folder, redis_url() if kind == "redis" else "")


def claim(key: str = "k", fingerprint: str = "same", client_id: str = "router") -> IdempotencyClaim:
    return IdempotencyClaim(client_id, key, fingerprint)


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


DELIVERED = Answer("a", record={"message_id": "900", "nested": {"wörter": ["👋", None, 1]}})
FAILED = Answer(
    "a",
    failure=Failure(
        ErrorCode.DISCORD_INVALID_FORM,
        "Invalid Form Body — ü",
        OutcomeKind.REJECTED,
        is_retryable=False,
        retry_after_seconds=1.5,
        violations=(Violation(("embed", "fields", 0, "name"), "is too long"),),
        discord=DiscordSaid(400, 50035),
        action_id="a",
    ),
)

"""Clients on real connections, and what watches them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from services.discord import DiscordClient
from services.errors import ActionError
from services.ports import Call, Repeat, Reply
from tests.unit.discord.calls import BY_REPEAT, SystemClock, delivery, settings
from tests.unit.discord.open_limiter import OpenLimiter
from tests.unit.discord.raw_server import RawServer


class Counted:
    """An observer that keeps a list."""

    def __init__(self) -> None:
        self.replies: list[tuple[str, str]] = []
        self.limits: list[str] = []
        self.retries: list[str] = []

    def discord_reply(self, route: str, status_class: str, duration_seconds: float) -> None:
        assert duration_seconds >= 0
        self.replies.append((route, status_class))

    def rate_limited(self, scope: str) -> None:
        self.limits.append(scope)

    def retried(self, reason: str) -> None:
        self.retries.append(reason)


@asynccontextmanager
async def client_of(
    server: RawServer, limiter: OpenLimiter | None = None, **changed: Any
) -> AsyncIterator[DiscordClient]:
    observer, clock = changed.pop("observer", None), changed.pop("clock", SystemClock())
    chosen = settings(server.base_url, **changed)
    async with DiscordClient(chosen, "1.0.0", limiter or OpenLimiter(), clock, observer) as client:
        yield client


async def sent(
    client: DiscordClient,
    repeat: Repeat,
    call: Call | None = None,
    now: float | None = None,
    client_id: str = "router",
) -> Reply | ActionError:
    try:
        return await client.send(call or BY_REPEAT[repeat](), delivery(repeat, now=now, client_id=client_id))
    except ActionError as error:
        return error


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # what is waited for is on the other side of a connection
            await asyncio.sleep(0.002)

"""Connections that are long in coming: a request counts from when it leaves, not from when it was let go."""

import asyncio
import bisect
import socket
import time

import pytest

from services.discord import DiscordClient
from services.discord.rate_limit import InProcessRateLimiter
from services.ports import Call
from tests.prove.evidence import keep
from tests.unit.discord.calls import SystemClock, delivery, settings
from tests.unit.discord.clients import until
from tests.unit.discord.open_limiter import DEPARTED, OpenLimiter
from tests.unit.discord.raw_server import Exchange, RawServer, nobody_accepts, says

GLOBAL_PER_SECOND = 20
ACCEPTED_AFTER_SECONDS = 5.5
"""Who began at once comes in after 7 seconds then: that is longer than a request that left may be on its way."""


class Limits:
    global_per_second = GLOBAL_PER_SECOND
    per_channel_per_second = 1_000


def client_to(listening: socket.socket, limiter: OpenLimiter | InProcessRateLimiter) -> DiscordClient:
    host, port = listening.getsockname()
    chosen = settings(f"http://{host}:{port}/api/v10", attempt_timeout_seconds=30.0, max_concurrent_requests=500)
    return DiscordClient(chosen, "1.0.0", limiter, SystemClock())


def message(channel: str) -> Call:
    return Call("GET", "/channels/{channel_id}", {"channel_id": channel}, major=channel)


async def test_a_request_departs_once_it_has_a_connection() -> None:
    limiter = OpenLimiter()
    with nobody_accepts() as listening:
        async with client_to(listening, limiter) as client:
            sending = asyncio.create_task(client.send(message("1"), delivery()))
            await until(lambda: limiter.lanes)
            await asyncio.sleep(0.3)
            assert (sending.done(), limiter.steps) == (False, [])
            async with RawServer.serving(says(200, {}), listening=listening):
                await sending
            assert (limiter.steps, limiter.statuses) == ([DEPARTED], [200])


async def test_what_never_had_a_connection_never_departed() -> None:
    limiter, one = OpenLimiter(), delivery(seconds=0.3)
    with nobody_accepts() as listening:
        async with client_to(listening, limiter) as client:
            with pytest.raises(Exception, match="connecting took too long"):
                await client.send(message("1"), one)
    assert (limiter.steps, limiter.fates) == ([], ["dropped"])


@pytest.mark.prove
async def test_connections_that_stall_all_at_once_do_not_break_the_global_limit() -> None:
    arrived: list[float] = []

    async def counted(exchange: Exchange) -> None:
        arrived.append(time.monotonic())
        await says(200, {})(exchange)

    limiter = InProcessRateLimiter(Limits(), SystemClock())
    with nobody_accepts() as listening:
        async with client_to(listening, limiter) as client:
            calls = [client.send(message(str(n)), delivery(seconds=60)) for n in range(4 * GLOBAL_PER_SECOND)]
            sending = asyncio.gather(*calls)
            await asyncio.sleep(ACCEPTED_AFTER_SECONDS)
            async with RawServer.serving(counted, listening=listening):
                await sending
    limiter.close()
    busiest = max(bisect.bisect_left(arrived, began + 1.0) - at for at, began in enumerate(arrived))
    keep(
        f"{4 * GLOBAL_PER_SECOND} requests at {GLOBAL_PER_SECOND} a second, to a server that lets nobody in for 5.5 s",
        "all arrive, never more in a second than the limit",
        arrived=len(arrived),
        busiest_second=busiest,
        seconds=round(arrived[-1] - arrived[0], 2),
    )
    assert len(arrived) == 4 * GLOBAL_PER_SECOND
    assert busiest <= GLOBAL_PER_SECOND

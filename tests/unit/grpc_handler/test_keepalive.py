"""A caller that pings on an idle channel keeps its connection.

The same scene on a thirtieth of the time, side by side with gRPC's default server, which closes the connection at the
fourth ping. Clients ping at most once a second, whatever they are told, so it cannot be made shorter.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.grpc_handler import Bounds
from tests.unit.grpc_handler.caller import serving

PING_SECONDS = 1.0
WATCHED_SECONDS = 6.5 * PING_SECONDS
CALLER = (
    ("grpc.keepalive_time_ms", round(PING_SECONDS * 1000)),
    ("grpc.keepalive_timeout_ms", 5000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
# As far below the caller's interval as the real bound is below the real caller's.
SCALED = Bounds(shortest_ping_interval_seconds=Bounds().shortest_ping_interval_seconds / 30 * PING_SECONDS)


@asynccontextmanager
async def default_server() -> AsyncIterator[int]:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


async def stays_connected(port: int, *, has_call: bool) -> bool:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", CALLER) as channel:
        await asyncio.wait_for(channel.channel_ready(), 5)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()) if has_call else None
        left = channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        try:
            await asyncio.wait_for(left, WATCHED_SECONDS)
        except TimeoutError:
            return watch is None or not watch.done()
        return False


async def test_a_caller_that_pings_is_never_sent_away_though_a_default_server_would() -> None:
    async with serving(bounds=SCALED) as served, default_server() as default_port:
        idle, busy, at_default = await asyncio.gather(
            stays_connected(served.port, has_call=False),
            stays_connected(served.port, has_call=True),
            stays_connected(default_port, has_call=False),
        )

    assert (idle, busy, at_default) == (True, True, False)


def test_the_shortest_interval_leaves_room_below_the_callers_thirty_seconds() -> None:
    options = dict(Bounds().options())

    assert options["grpc.http2.min_ping_interval_without_data_ms"] == 10_000
    assert options["grpc.keepalive_permit_without_calls"] == 1

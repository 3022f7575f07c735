"""The load: calls in flight or calls per second, for a while, from a process of its own.

    python -m bench.load grpc HOST:PORT --token JWT --seconds 3
    python -m bench.load http URL --body rest --token JWT --seconds 3
    python -m bench.load http URL --rate 50 --seconds 4

The last line of its output is a `Result` in JSON. Without `--rate` each of the `--in-flight` workers starts a call when
its last one is answered. With it, calls start on an absolute schedule, answered or not: a server that stalls cannot
slow the schedule down and so hide how long it stalled. `{channel}` in a URL takes the channels in turn.
"""

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Final

import aiohttp
import grpc

from bench import wire
from bench.serving import run
from proto import discord_action_pb2 as messages
from proto import discord_action_pb2_grpc as stubs

IN_FLIGHT: Final = 64
CALL_SECONDS: Final = 20.0
MOST_UNANSWERED: Final = 2000
BODIES: Final[dict[str, Callable[[], list[bytes]]]] = {"rest": wire.rest_bodies, "discord": wire.discord_bodies}

type Call = Callable[[], Awaitable[None]]


class Failed(Exception):
    """An answer that is no success."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a load did. `total` counts the warm-up as well; rates and times do not."""

    per_second: float
    total: int
    failed: int
    first_failure: str
    p50_ms: float
    p99_ms: float
    max_ms: float
    cores_used: float


@dataclass(slots=True)
class Tally:
    """What has been counted so far. What comes before `counts_from` is the warm-up.

    In a rate, a call counts when it ends; on a schedule, when it begins, so that the slowest answers count too.
    """

    counts_from: float
    ends_at: float
    is_paced: bool
    total: int = 0
    failed: int = 0
    first_failure: str = ""
    took: list[float] = field(default_factory=list)

    async def count(self, call: Call) -> None:
        """Makes one call and notes how it went."""
        began = time.perf_counter()
        try:
            await call()
        except (Failed, grpc.aio.AioRpcError, aiohttp.ClientError, TimeoutError) as exc:
            self.failed += 1
            self.first_failure = self.first_failure or f"{type(exc).__name__}: {exc}"[:500]
        else:
            self.total += 1
        ended = time.perf_counter()
        if self.counts_from <= (began if self.is_paced else ended) < self.ends_at:
            self.took.append(ended - began)


async def grpc_call(arguments: argparse.Namespace, stack: AsyncExitStack) -> Call:
    """SendMessage over one channel."""
    options = [("grpc.max_concurrent_streams", 1000)]
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(arguments.target, options=options))
    send = stubs.DiscordActionStub(channel).SendMessage
    requests = cycle([messages.SendMessageRequest(channel_id=id_, content=wire.CONTENT) for id_ in wire.channels()])
    metadata = (("authorization", f"Bearer {arguments.token}"),)

    async def call() -> None:
        response = await send(next(requests), metadata=metadata, timeout=CALL_SECONDS)
        if not response.success:
            raise Failed(response.error)

    return call


async def http_call(arguments: argparse.Namespace, stack: AsyncExitStack) -> Call:
    """POST with a body, GET without, over as many connections as there are calls in flight."""
    session = await stack.enter_async_context(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
        )
    )
    headers = {"Authorization": f"Bearer {arguments.token}", "Content-Type": "application/json"}
    bodies: cycle[bytes | None] = cycle(BODIES[arguments.body]() if arguments.body else [None])
    urls = cycle([arguments.target.replace("{channel}", id_) for id_ in wire.channels()])
    method = "POST" if arguments.body else "GET"

    async def call() -> None:
        async with session.request(method, next(urls), data=next(bodies), headers=headers) as response:
            content = await response.read()
            if response.status != 200:
                raise Failed(f"{response.status} {content[:300]!r}")

    return call


CALLS: Final = {"grpc": grpc_call, "http": http_call}


async def keep_in_flight(call: Call, tally: Tally, in_flight: int) -> None:
    """As many calls at once as asked for, until the time is over."""

    async def worker() -> None:
        while time.perf_counter() < tally.ends_at:
            await tally.count(call)

    async with asyncio.TaskGroup() as workers:
        for _ in range(in_flight):
            workers.create_task(worker())


async def keep_pace(call: Call, tally: Tally, per_second: float) -> None:
    """A call every 1/`per_second` seconds, until the time is over; then the answers that are still out."""
    unanswered: set[asyncio.Task[None]] = set()
    due = time.perf_counter()
    while due < tally.ends_at:
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        if len(unanswered) >= MOST_UNANSWERED:
            raise RuntimeError(f"{MOST_UNANSWERED} calls wait for an answer")
        task = asyncio.create_task(tally.count(call))
        unanswered.add(task)
        task.add_done_callback(unanswered.discard)
        due += 1 / per_second
    if unanswered:
        await asyncio.wait(unanswered, timeout=CALL_SECONDS)


async def drive(arguments: argparse.Namespace) -> None:
    """The whole load; prints the result."""
    async with AsyncExitStack() as stack:
        call = await CALLS[arguments.kind](arguments, stack)
        counts_from = time.perf_counter() + arguments.warm_up
        tally = Tally(counts_from, counts_from + arguments.seconds, is_paced=arguments.rate > 0)
        clock = asyncio.create_task(_cpu_between(tally))
        if tally.is_paced:
            await keep_pace(call, tally, arguments.rate)
        else:
            await keep_in_flight(call, tally, arguments.in_flight)
        print(json.dumps(asdict(_result(tally, await clock))))


async def _cpu_between(tally: Tally) -> float:
    """Seconds of CPU used while calls counted."""
    await asyncio.sleep(max(tally.counts_from - time.perf_counter(), 0))
    before = _cpu_seconds()
    await asyncio.sleep(max(tally.ends_at - time.perf_counter(), 0))
    return _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _result(tally: Tally, cpu_seconds: float) -> Result:
    seconds = tally.ends_at - tally.counts_from
    took = sorted(tally.took)
    return Result(
        per_second=len(took) / seconds,
        total=tally.total,
        failed=tally.failed,
        first_failure=tally.first_failure,
        p50_ms=_quantile_ms(took, 0.5),
        p99_ms=_quantile_ms(took, 0.99),
        max_ms=_quantile_ms(took, 1.0),
        cores_used=cpu_seconds / seconds,
    )


def _quantile_ms(ordered: Sequence[float], quantile: float) -> float:
    return ordered[min(int(len(ordered) * quantile), len(ordered) - 1)] * 1000 if ordered else 0.0


def main() -> None:
    """Reads the command line and drives the load."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description="Load on one server.")
    parser.add_argument("kind", choices=CALLS)
    parser.add_argument("target", help="HOST:PORT for grpc, a URL for http")
    parser.add_argument("--token", default="none")
    parser.add_argument("--body", choices=BODIES, help="POST this; without it, GET")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm-up", type=float, default=0.5)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT)
    parser.add_argument("--rate", type=float, default=0.0, help="calls per second, answered or not")
    run(drive(parser.parse_args()))


if __name__ == "__main__":
    main()

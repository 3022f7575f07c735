"""Rows pile up while the database is away; once it is back they reach the table while the program goes on serving.

The pile is made of refusals: an action that its caller may not have done is on the record and costs Discord nothing.
"""

import asyncio
import signal
import time
from itertools import count

import grpc
import pytest

from proto import discord_action_pb2 as messages
from sandbox import Sandbox
from tests.prove.evidence import keep
from tests.prove.record.counts import has_rows, judge, posted, rows_in
from tests.prove.record.load import Told, callers_of
from tests.support.module import token
from tests.support.postgres import PostgresServer
from tests.support.process import Program, serving_program

SEND = "/discord_action.DiscordAction/SendMessage"
AT_ONCE = 64
WHILE_SERVING_PER_SECOND = 50.0
LONGEST_CATCHING_UP_SECONDS = 120.0


async def pile_up(started: Program, number: int) -> None:
    """So many actions that are refused, and recorded."""
    metadata = [("authorization", f"Bearer {token(scope='moderation')}")]
    numbers = iter(range(number))
    async with grpc.aio.insecure_channel(started.grpc_target) as channel:
        send: grpc.aio.UnaryUnaryMultiCallable[messages.SendMessageRequest, bytes] = channel.unary_unary(
            SEND, request_serializer=messages.SendMessageRequest.SerializeToString
        )

        async def ask_on() -> None:
            for one in numbers:
                request = messages.SendMessageRequest(channel_id="123", content=f"pile-{one}")
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await send(request, metadata=metadata, timeout=30)
                assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED, refused.value.details()

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(ask_on())


async def backlog(variables: dict[str, str], sandbox: Sandbox, server: PostgresServer, number: int) -> float:
    """Rows a second, while the program serves."""
    url, told, is_over = variables["DATABASE_URL"], Told(), asyncio.Event()
    async with serving_program(variables) as started, callers_of(started, told, count()) as callers:
        await asyncio.to_thread(server.stop)
        try:
            began = time.monotonic()
            await pile_up(started, number)
            piled_up = time.monotonic() - began
        finally:
            await asyncio.to_thread(server.start)
        back = time.monotonic()
        load = asyncio.create_task(callers.ask_steadily(WHILE_SERVING_PER_SECOND, is_over))
        await has_rows(url, number, LONGEST_CATCHING_UP_SECONDS)
        caught_up = time.monotonic() - back
        is_over.set()
        await load
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    figures = judge(await rows_in(url), posted(sandbox), told.action_ids)
    keep(
        f"a backlog of {number} rows catches up beside {WHILE_SERVING_PER_SECOND:g} actions/s",
        "every row is there once; every action answered",
        rows=figures["rows"],
        rows_per_second=round(number / caught_up),
        seconds=round(caught_up, 2),
        answered_meanwhile=figures["answered"],
        p99_ms_meanwhile=told.p99_ms(back, back + caught_up),
        actions_per_second_when_piled_up=round(number / piled_up),
    )
    assert (told.codes, told.unanswered) == ({"ok": len(told.answers)}, 0)
    assert figures["rows"] == number + len(told.answers)
    return number / caught_up


async def test_a_backlog_catches_up_while_serving(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer
) -> None:
    await backlog(variables, sandbox, postgres_server, 3_000)


@pytest.mark.prove
@pytest.mark.timeout(600)
async def test_a_long_backlog_catches_up_while_serving(
    variables: dict[str, str], sandbox: Sandbox, postgres_server: PostgresServer
) -> None:
    await backlog(variables, sandbox, postgres_server, 100_000)

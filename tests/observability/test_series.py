"""However odd what callers and Discord say, the number of series stays what it is."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox import Sandbox
from sandbox.seeds import WEBHOOK_ID
from tests.support.module import RunningModule, running_module, token

FREE = {"DISCORD_RATE_LIMIT_GLOBAL": "100000", "DISCORD_RATE_LIMIT_PER_CHANNEL": "100000", "MAX_RETRIES": "0"}

TOO_MANY_TRIES = (
    "discord_action_rejected_requests_total",
    frozenset({("protocol", "rest"), ("code", "rate_limited")}),
)
"""Whoever keeps trying for a token is told to wait, from some round on."""


@pytest.fixture
async def module(sandbox: Sandbox, sqlite_url: str) -> AsyncIterator[RunningModule]:
    async with running_module(sandbox, sqlite_url, **FREE) as running:
        yield running


async def page(module: RunningModule) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{module.rest_url}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return await answer.text()


def series(text: str) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    return {
        (sample.name, frozenset(sample.labels.items()))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def odd_round(module: RunningModule, sandbox: Sandbox, number: int) -> None:
    """One of everything, with values that no round before had."""
    await over_rest(module, number)
    for status, code in (
        (400, 910_000 + number),
        (403, 920_000 + number),
        (404, 930_000 + number),
        (418, 940_000 + number),
    ):
        sandbox.faults.add("status", status=status, body={"code": code, "message": f"odd {number}"}, count=1)
        await post(module, "/api/v1/message", {"channel_id": str(9_000 + number), "content": "x"}, token())
    sandbox.faults.clear()
    await over_grpc(module, number)


async def over_rest(module: RunningModule, number: int) -> None:
    async with aiohttp.ClientSession() as session:
        for method, path in (
            ("GET", f"/odd/{number}"),
            (f"ODD{number}", "/health"),
            ("PUT", f"/api/v1/message/{number}"),
        ):
            async with session.request(method, module.rest_url + path) as answer:
                await answer.read()
    for bearer in (f"odd-{number}", token(client_id=f"caller-{number}"), token(exp=number), None):
        await post(module, "/api/v1/message", {"channel_id": "123", "content": "x"}, bearer)
        await post(module, "/api/v1/message", {f"odd{number}": number}, bearer)
    url = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/odd-token-{number}-{'x' * 60}"
    await post(module, "/api/v1/webhook/send", {"webhook_url": url, "content": "x"}, token())
    await post(module, "/api/v1/reaction", {"channel_id": "1", "message_id": str(number), "emoji": "👋"}, token())
    await post(module, "/api/v1/token", {"client_id": f"odd-{number}", "client_secret": "x"}, None)


async def over_grpc(module: RunningModule, number: int) -> None:
    async with grpc.aio.insecure_channel(module.grpc_target) as channel:
        for method in ("SendMessage", f"Odd{number}"):
            call: Any = channel.unary_unary(f"/discord_action.DiscordAction/{method}")
            with pytest.raises(grpc.aio.AioRpcError):
                await call(f"odd {number}".encode(), metadata=[("x-odd", str(number)), ("x-priority", f"odd{number}")])


async def post(module: RunningModule, path: str, body: dict[str, object], bearer: str | None) -> None:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    headers |= {"X-Request-ID": f"odd-{time.monotonic()}", "X-Priority": "normal"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(module.rest_url + path, json=body, headers=headers) as answer,
    ):
        await answer.read()


async def test_odd_inputs_make_no_series(module: RunningModule, sandbox: Sandbox) -> None:
    await odd_round(module, sandbox, 1)
    first = series(await page(module))
    for number in range(2, 12):
        await odd_round(module, sandbox, number)
    text = await page(module)
    assert series(text) - first <= {TOO_MANY_TRIES}
    assert "odd" not in text
    assert len(first) < 1_500


async def test_many_readers_get_whole_pages_and_the_loop_goes_on(module: RunningModule, sandbox: Sandbox) -> None:
    await odd_round(module, sandbox, 1)
    pages = await asyncio.gather(*(page(module) for _ in range(30)))
    for text in pages:
        assert text.endswith("\n")
        assert series(text) >= series(pages[0]) - {("discord_action_rest_connections", frozenset())}
    assert "discord_action_loop_lag_seconds_bucket" in pages[0]

"""Traces, as a collector receives them; and nothing of them where nobody collects."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import grpc
import pytest

from config import ROOT
from sandbox import Sandbox
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.conformance.faces import GrpcFace, Heard, RestFace
from tests.observability.collector import Collector, collector
from tests.support.module import KEY, RunningModule, environment, running_module, token
from tests.support.process import serving_program

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"
MESSAGE = {"channel_id": "123", "content": "canary-of-a-message"}
WEBHOOK_MESSAGE = {
    "webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    "content": "canary-of-a-message",
}
STAGES = {"authenticate", "action", "wait", "record", "discord attempt"}
HEADER_SECRET = "canary-of-the-collector"
SHOWN_WITHOUT_TRACES = """
import asyncio, sys
from sandbox import Options, Sandbox
from tests.support.module import running_module

async def main():
    async with Sandbox.serving(Options()) as sandbox, running_module(sandbox, sys.argv[1]):
        print([name for name in sys.modules if name.startswith("opentelemetry") or name == "requests"])

asyncio.run(main())
"""


@pytest.fixture
async def collected() -> AsyncIterator[Collector]:
    async with collector() as running:
        yield running


@pytest.fixture
async def module(sandbox: Sandbox, collected: Collector, sqlite_url: str) -> AsyncIterator[RunningModule]:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collected.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-collector-key={HEADER_SECRET}",
        "OTEL_SERVICE_NAME": "the-door",
    }
    async with running_module(sandbox, sqlite_url, **variables) as running:
        yield running


async def ask(
    module: RunningModule, protocol: str, rpc: str, fields: dict[str, str], trace: str = TRACEPARENT
) -> Heard:
    headers = {"traceparent": trace}
    if protocol == "rest":
        async with aiohttp.ClientSession() as session:
            return await RestFace(session, module.rest_url).perform(rpc, fields, token(), headers)
    async with grpc.aio.insecure_channel(module.grpc_target) as channel:
        return await GrpcFace(channel).perform(rpc, fields, token(), headers)


@pytest.mark.parametrize(
    ("protocol", "root"),
    [("grpc", "discord_action.DiscordAction/SendMessage"), ("rest", "POST /api/v1/message")],
)
async def test_one_trace_leads_from_the_caller_to_discord(
    module: RunningModule, collected: Collector, protocol: str, root: str
) -> None:
    heard = await ask(module, protocol, "SendMessage", MESSAGE)
    spans = await collected.of_trace(TRACE_ID, STAGES | {root})
    by_id = {span.span_id: span for span in spans}
    top = next(span for span in spans if span.name == root)
    assert top.parent_span_id.hex() == PARENT_ID
    for span in spans:
        assert span is top or span.parent_span_id in by_id
    attempt = next(span for span in spans if span.name == "discord attempt")
    action = next(span for span in spans if span.name == "action")
    assert attempt.parent_span_id == action.span_id
    values = {pair.key: pair.value for pair in attempt.attributes}
    assert values["route"].string_value == "/channels/{channel_id}/messages"
    assert values["status"].int_value == 200
    assert {pair.key: pair.value.string_value for pair in action.attributes}["action_id"] == heard.action_id


async def test_a_failure_is_marked_with_its_code(module: RunningModule, collected: Collector, sandbox: Sandbox) -> None:
    heard = await ask(module, "rest", "SendMessage", MESSAGE | {"channel_id": "999"})
    assert heard.code == "discord_unknown_channel"
    spans = await collected.of_trace(TRACE_ID, STAGES)
    action = next(span for span in spans if span.name == "action")
    assert {pair.key: pair.value.string_value for pair in action.attributes}["code"] == "discord_unknown_channel"
    assert action.status.code == action.status.STATUS_CODE_ERROR


async def test_no_secret_and_no_text_of_a_caller_is_in_a_trace(
    module: RunningModule, collected: Collector, sandbox: Sandbox
) -> None:
    for protocol in ("grpc", "rest"):
        await ask(module, protocol, "SendWebhook", WEBHOOK_MESSAGE)
        await ask(module, protocol, "SendMessage", MESSAGE)
    await collected.of_trace(
        TRACE_ID, STAGES | {"POST /api/v1/webhook/send", "discord_action.DiscordAction/SendWebhook"}
    )
    sent = b"".join(collected.bodies)
    for secret in (WEBHOOK_TOKEN, sandbox.options.token, KEY, token(), HEADER_SECRET, "canary-of-a-message"):
        assert secret.encode() not in sent
    assert {headers["x-collector-key"] for headers in collected.headers} == {HEADER_SECRET}
    assert b"the-door" in sent


async def test_probes_and_pages_make_no_spans(module: RunningModule, collected: Collector) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/health", "/metrics", "/health/ready"):
            await (await session.get(module.rest_url + path)).read()
    await ask(module, "rest", "SendMessage", MESSAGE)
    spans = await collected.of_trace(TRACE_ID, STAGES)
    assert {span.trace_id.hex() for span in collected.spans} == {TRACE_ID}
    assert spans


async def test_log_lines_carry_the_trace_with_or_without_a_callers(
    sandbox: Sandbox, collected: Collector, tmp_path: Path
) -> None:
    variables = environment(sandbox, f"sqlite:///{tmp_path}/a.db", OTEL_EXPORTER_OTLP_ENDPOINT=collected.url)
    async with serving_program(variables) as started, aiohttp.ClientSession() as session:
        face = RestFace(session, started.rest_url)
        heard = await face.perform("SendMessage", MESSAGE, token())
        line = await started.says("action")
        assert line["action_id"] == heard.action_id
        started.process.terminate()
        assert await started.ends() == 0  # and what waits is sent before the end
        found = [span for span in collected.spans if span.trace_id.hex() == line["trace_id"]]
        assert {span.name for span in found} >= STAGES


@pytest.mark.parametrize("trouble", ["away", "refuses", "hangs"])
async def test_a_collector_in_trouble_is_not_felt(
    sandbox: Sandbox, collected: Collector, tmp_path: Path, trouble: str
) -> None:
    collected.status, collected.hangs = (503, trouble == "hangs")
    endpoint = "http://127.0.0.1:1" if trouble == "away" else collected.url
    variables = environment(sandbox, f"sqlite:///{tmp_path}/a.db", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    async with serving_program(variables) as started, aiohttp.ClientSession() as session:
        face = RestFace(session, started.rest_url)
        answers = await asyncio.gather(*(face.perform("SendMessage", MESSAGE, token()) for _ in range(5)))
        assert {heard.code for heard in answers} == {"ok"}
        began = time.monotonic()
        started.process.terminate()
        assert await started.ends() == 0
        assert time.monotonic() - began < 10


def test_without_a_collector_nothing_of_it_is_loaded(sqlite_url: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", SHOWN_WITHOUT_TRACES, sqlite_url], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (asked.returncode, asked.stdout.strip()) == (0, "[]"), asked.stderr

"""Health over both protocols says the same, and follows what happens while the module runs."""

import asyncio
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from config import RELEASE
from sandbox import Sandbox
from services.telemetry import Metrics
from tests.observability.test_alerts import UNBOUND, a_small_journal
from tests.support.module import RunningModule, running_module, token
from tests.support.postgres import PostgresServer

SERVICE = "discord_action.DiscordAction"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SEEN_WITHIN_SECONDS = 30.0


async def get(module: RunningModule, path: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(module.rest_url + path) as answer:
        return answer.status, await answer.json()


async def settles(module: RunningModule, path: str, wanted: int) -> dict[str, Any]:
    """The answer, once it has the status."""
    async with asyncio.timeout(SEEN_WITHIN_SECONDS):
        while True:
            status, said = await get(module, path)
            if status == wanted:
                return said
            await asyncio.sleep(0.1)


async def stays_unready(module: RunningModule) -> bool:
    """Whether it is not ready for a second on end: what was shipped just before may still make room once more."""
    for _ in range(10):
        if module.house.health.is_ready:
            return False
        await asyncio.sleep(0.1)
    return True


async def fill_the_journal(module: RunningModule) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    body = {"channel_id": "123", "content": "x" * 1500}
    async with aiohttp.ClientSession(headers=headers) as session:
        while not await stays_unready(module):
            answers = [session.post(f"{module.rest_url}/api/v1/message", json=body) for _ in range(20)]
            for answer in await asyncio.gather(*answers):
                await answer.read()


async def test_grpc_health_follows_readiness_and_tells_who_watches(
    sandbox: Sandbox, postgres_url: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_small_journal(monkeypatch)
    async with (
        running_module(sandbox, postgres_url, **UNBOUND) as module,
        grpc.aio.insecure_channel(module.grpc_target) as channel,
    ):
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watching.read()).status == SERVING
        await asyncio.to_thread(postgres_server.stop)
        try:
            await fill_the_journal(module)
            async with asyncio.timeout(SEEN_WITHIN_SECONDS):
                assert (await watching.read()).status == NOT_SERVING
            ready = await settles(module, "/health/ready", 503)
            assert (ready["status"], ready["checks"]["audit"]["ok"]) == ("not_ready", False)
            assert "journal" in ready["checks"]["audit"]["detail"]
            status, health = await get(module, "/health")
            assert (status, health["status"], health["version"]) == (503, "unhealthy", RELEASE)
            assert (await get(module, "/health/live"))[0] == 200
        finally:
            await asyncio.to_thread(postgres_server.start)
        async with asyncio.timeout(SEEN_WITHIN_SECONDS):
            assert (await watching.read()).status == SERVING
        assert (await get(module, "/health/ready"))[0] == 200
        watching.cancel()


async def test_without_its_database_it_is_degraded_and_serves(
    sandbox: Sandbox, postgres_url: str, postgres_server: PostgresServer
) -> None:
    async with running_module(sandbox, postgres_url) as module:
        assert (await get(module, "/health"))[1]["status"] == "healthy"
        await asyncio.to_thread(postgres_server.stop)
        try:
            async with asyncio.timeout(SEEN_WITHIN_SECONDS):
                while (said := await get(module, "/health"))[1]["checks"]["database"]["ok"]:  # noqa: ASYNC110 -- a page
                    await asyncio.sleep(0.1)
            status, health = said
            assert (status, health["status"]) == (200, "degraded")
            assert health["checks"]["database"]["detail"].startswith("rows wait in the journal")
            assert (await get(module, "/health/ready"))[0] == 200
            assert (await get(module, "/health/live"))[0] == 200
        finally:
            await asyncio.to_thread(postgres_server.start)
        async with asyncio.timeout(SEEN_WITHIN_SECONDS):
            while (await get(module, "/health"))[1]["status"] != "healthy":  # noqa: ASYNC110 -- a page
                await asyncio.sleep(0.1)


async def test_without_discord_it_is_degraded_and_ready(sandbox: Sandbox, sqlite_url: str) -> None:
    sandbox.faults.add("unauthorized")
    async with running_module(sandbox, sqlite_url) as module, aiohttp.ClientSession() as session:
        headers, body = {"Authorization": f"Bearer {token()}"}, {"channel_id": "123", "content": "hello"}
        async with session.post(f"{module.rest_url}/api/v1/message", json=body, headers=headers) as answer:
            assert answer.status == 502
        status, health = await get(module, "/health")
        assert (status, health["status"], health["checks"]["discord"]["ok"]) == (200, "degraded", False)
        assert (await get(module, "/health/ready"))[0] == 200


async def test_a_task_that_breaks_goes_on_and_is_seen(
    sandbox: Sandbox, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = asyncio.Event()

    def break_once(metrics: Metrics, seconds: float) -> None:
        monkeypatch.setattr(Metrics, "loop_lagged", lambda *_: measured.set())
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(Metrics, "loop_lagged", break_once)
    async with running_module(sandbox, sqlite_url) as module:
        async with asyncio.timeout(SEEN_WITHIN_SECONDS):
            await measured.wait()
        status, health = await get(module, "/health")
        assert (status, health["status"], health["checks"]["tasks"]["ok"]) == (200, "degraded", False)
        assert "loop-lag" in health["checks"]["tasks"]["detail"]
        assert module.house.health.is_ready
        async with aiohttp.ClientSession() as session, session.get(module.rest_url + "/metrics") as answer:
            assert 'discord_action_internal_errors_total{protocol="none"} 1.0' in await answer.text()

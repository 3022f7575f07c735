"""Prometheus itself, on the files of deploy/observe, reads a module at work: rules evaluate, every panel has data.

Grafana is not to be had as a package, so it is not started: what it is given is judged in test_dashboard.py.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
import pytest

from proto import discord_action_pb2 as pb
from proto.discord_action_pb2_grpc import DiscordActionStub
from sandbox import Options, Sandbox
from tests.deploy.files import compose
from tests.observability.rules import alerts, dashboard_expressions, recorded
from tests.support.module import environment, token
from tests.support.process import Program, serving_program
from tests.support.prometheus import SCRAPE_SECONDS, Prometheus, running_prometheus, until
from tests.support.valkey import ValkeyServer

RATE_INTERVAL = f"{4 * SCRAPE_SECONDS}s"
"""What Grafana makes of $__rate_interval: https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/"""
OF_PLACES = ("--config.file", "--storage.tsdb.path")
OF_A_BUSY_MACHINE = {"DiscordActionLoopLag"}
"""Not about the module: other work beside the tests makes it late."""
TOO_SHORT = {"Prefer": "wait=0.2"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A module, Prometheus that reads it, and a caller."""

    sandbox: Sandbox
    module: Program
    prometheus: Prometheus
    session: aiohttp.ClientSession

    async def post(self, path: str, body: dict[str, Any], bearer: str | None = None, **headers: str) -> int:
        sent = {"Authorization": f"Bearer {bearer or token()}"} | headers
        async with self.session.post(f"{self.module.rest_url}/api/v1/{path}", json=body, headers=sent) as answer:
            await answer.read()
            return answer.status

    async def send(self, content: str = "hello", **headers: str) -> int:
        return await self.post("message", {"channel_id": "123", "content": content}, **headers)

    async def well(self) -> None:
        """What goes well, on both protocols."""
        assert await self.send() == 200
        async with grpc.aio.insecure_channel(self.module.grpc_target) as channel:
            request = pb.SendMessageRequest(channel_id="123", content="hello", token=token())
            assert (await DiscordActionStub(channel).SendMessage(request)).success

    async def badly(self) -> None:
        """What goes wrong, or not at once: a stranger, an odd body, a key used twice, 429 and 403, a long line."""
        assert await self.post("message", {}, bearer="stranger") == 401
        assert await self.post("message", {"odd": 1}) == 400
        await asyncio.gather(*(self.send("once", **{"Idempotency-Key": "once"}) for _ in range(2)))
        for scope in ("user", "global"):
            self.sandbox.faults.add("rate_limited", count=1, scope=scope, retry_after_seconds=0.1)
            assert await self.send() == 200
        self.sandbox.faults.add("status", status=403, body={"code": 50013, "message": "Missing Permissions"}, count=1)
        assert await self.send() == 403
        assert set(await asyncio.gather(*(self.send(**TOO_SHORT) for _ in range(8)))) <= {200, 429, 504}


@pytest.fixture(scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory, valkey_server: ValkeyServer) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("prometheus")
    variables = {"REDIS_URL": valkey_server.url, "AUDIT_RETENTION_DAYS": "1"}
    options = [each for each in compose()["services"]["prometheus"]["command"] if not each.startswith(OF_PLACES)]
    async with (
        Sandbox.serving(Options(limits_enabled=False)) as sandbox,
        serving_program(environment(sandbox, f"sqlite:///{folder}/a.db", **variables)) as module,
        running_prometheus(folder, options, [f"127.0.0.1:{module.rest_port}"]) as prometheus,
        aiohttp.ClientSession() as session,
    ):
        yield Scene(sandbox, module, prometheus, session)


async def test_its_target_is_up_and_every_rule_is_evaluated(scene: Scene) -> None:
    async def is_up() -> bool:
        return [each["health"] for each in await scene.prometheus.targets()] == ["up"]

    async def is_evaluated() -> bool:
        return all(not rule["lastEvaluation"].startswith("0001") for rule in await scene.prometheus.rules())

    await until(is_up, scene.prometheus.targets)
    await until(is_evaluated, scene.prometheus.rules)
    rules = await scene.prometheus.rules()
    assert sorted(rule["name"] for rule in rules) == sorted([*recorded(), *(alert.name for alert in alerts())])
    assert {(rule["name"], rule["health"], rule.get("lastError", "")) for rule in rules} == {
        (rule["name"], "ok", "") for rule in rules
    }


async def test_no_alert_is_raised_about_a_module_that_is_well(scene: Scene) -> None:
    began = (await scene.prometheus.rules())[-1]["lastEvaluation"]

    async def has_seen_it_twice() -> bool:
        await scene.well()
        return bool((await scene.prometheus.values(f"count_over_time(up[{RATE_INTERVAL}])")) == [4.0])

    async def is_evaluated_anew() -> bool:
        return bool((await scene.prometheus.rules())[-1]["lastEvaluation"] > began)

    await until(has_seen_it_twice, scene.prometheus.targets)
    await until(is_evaluated_anew, scene.prometheus.rules)
    raised = {rule["name"]: rule["alerts"] for rule in await scene.prometheus.rules() if rule.get("alerts")}
    assert raised.keys() <= OF_A_BUSY_MACHINE, raised


async def test_every_panel_has_data_of_a_module_at_work(scene: Scene) -> None:
    instances = await scene.prometheus.ask("label/instance/values", **{"match[]": "discord_action_ready"})
    assert instances == [f"127.0.0.1:{scene.module.rest_port}"]
    expressions = {
        expression.replace("$instance", instance)
        for expression in dashboard_expressions(RATE_INTERVAL)
        for instance in (".*", instances[0])
    }
    assert not any("$" in expression for expression in expressions)

    async def without_values() -> set[str]:
        found = {expression: await scene.prometheus.values(expression) for expression in expressions}
        return {expression for expression, values in found.items() if all(math.isnan(value) for value in values)}

    async def has_values() -> bool:
        await scene.well()
        await scene.badly()
        return not await without_values()

    await until(has_values, without_values)


async def test_a_module_that_is_killed_is_missed(scene: Scene) -> None:
    scene.module.process.kill()
    await scene.module.ends()

    async def is_missed() -> bool:
        found = {rule["name"]: rule.get("state") for rule in await scene.prometheus.rules()}
        return bool(found["DiscordActionDown"] == "pending")

    await until(is_missed, scene.prometheus.rules)

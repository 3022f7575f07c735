"""Tokens, health, metrics and documents: what needs no token."""

from datetime import datetime
from typing import Any

import pytest

from services.rest_api import CheckResult, HealthStatus
from tests.unit.rest_api.house import JSON, Answer, House

TOKEN = "/api/v1/token"


async def ask_token(house: House, fields: Any) -> Answer:
    return await Answer.of(await house.client.post(TOKEN, json=fields))


async def ask(house: House, path: str) -> Answer:
    return await Answer.of(await house.client.get(path))


async def test_a_registered_client_gets_a_token() -> None:
    answer = await ask_token(House(), {"client_id": "router", "client_secret": "right"})
    assert (answer.status, answer.json) == (200, {"token": "fresh-token", "expires_in": 3600})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_an_unknown_client_and_a_wrong_secret_are_told_the_same() -> None:
    house = House()
    told = []
    for client_id, secret in (("nobody", "right"), ("router", "wrong")):
        answer = await ask_token(house, {"client_id": client_id, "client_secret": secret})
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="discord-action"')
        told.append(answer.json["detail"])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, ["#/client_id", "#/client_secret"]),
        ({"client_id": "", "client_secret": None}, ["#/client_id", "#/client_secret"]),
        ({"client_id": 1, "client_secret": ["x"]}, ["#/client_id", "#/client_secret"]),
        ({"client_id": "x" * 256, "client_secret": "a\0"}, ["#/client_id", "#/client_secret"]),
        ({"client_id": "a", "client_secret": "b", "scope": "all"}, ["#/scope"]),
    ],
)
async def test_bad_credentials_are_named_at_once(fields: Any, pointers: list[str]) -> None:
    answer = await ask_token(House(), fields)
    assert (answer.status, answer.pointers) == (400, pointers)
    assert b"xxx" not in answer.body


async def test_a_bad_header_is_named_here_too() -> None:
    for prefer in ("wait=0", '"' + '\\"' * 14_000):
        response = await House().client.post(TOKEN, json={}, headers={"Prefer": prefer})
        assert (await Answer.of(response)).pointers == ["#/Prefer"]


async def test_credentials_come_as_json() -> None:
    response = await House().client.post(TOKEN, form={"client_id": "router", "client_secret": "right"})
    assert response.status_code == 415
    response = await House().client.post(TOKEN, data=b"{", headers=JSON)
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("status", "http_status"),
    [(HealthStatus.HEALTHY, 200), (HealthStatus.DEGRADED, 200), (HealthStatus.UNHEALTHY, 503)],
)
async def test_health_says_how_the_module_is(status: HealthStatus, http_status: int) -> None:
    house = House()
    house.health.status = status
    house.health.database = CheckResult(is_ok=False, detail="no answer for 3 s")
    answer = await ask(house, "/health")
    assert answer.status == http_status
    body = answer.json
    assert datetime.fromisoformat(body.pop("timestamp")).tzinfo is not None
    assert body == {
        "status": status.value,
        "module": "discord_action_module",
        "version": "1.2.3",
        "checks": {"database": {"ok": False, "detail": "no answer for 3 s"}},
    }


async def test_the_root_says_what_this_is_and_where_its_pages_are() -> None:
    house = House()
    body = (await ask(house, "/")).json
    links = body.pop("links")
    assert body == {"module": "discord_action_module", "version": "1.2.3"}
    for name, address in links.items():
        assert (await ask(house, address.removeprefix("."))).status == 200, name
    assert set(links) == {"docs", "openapi", "health", "metrics"}


async def test_live_asks_nothing_but_the_process() -> None:
    house = House()
    house.health.database = CheckResult(is_ok=False)
    assert (await ask(house, "/health/live")).json == {"status": "live"}
    house.health.is_live = False
    answer = await ask(house, "/health/live")
    assert (answer.status, answer.json) == (503, {"status": "dead"})


async def test_ready_says_what_is_missing() -> None:
    house = House()
    assert (await ask(house, "/health/ready")).json == {"status": "ready", "checks": {"database": {"ok": True}}}
    house.health.database = CheckResult(is_ok=False, detail="starting")
    answer = await ask(house, "/health/ready")
    assert answer.status == 503
    assert answer.json == {"status": "not_ready", "checks": {"database": {"ok": False, "detail": "starting"}}}


async def test_metrics_are_prometheus_text() -> None:
    answer = await ask(House(), "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.body.endswith(b"up 1\n")


async def test_health_is_never_stored() -> None:
    for path in ("/health", "/health/live", "/health/ready", "/metrics"):
        assert (await ask(House(), path)).headers["Cache-Control"] == "no-store"

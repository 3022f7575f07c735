"""Things that go wrong on purpose, seen from the client."""

import asyncio
import time

import aiohttp
import pytest

from sandbox import Sandbox
from tests.sandbox.client import CHANNEL, Client

CREATE = "/channels/{channel_id}/messages"


def count(sandbox: Sandbox) -> int:
    return len(sandbox.world.channels["123"].messages)


async def test_status_with_any_body(call: Client, sandbox: Sandbox) -> None:
    before = count(sandbox)
    sandbox.faults.add("status", status=503, body={"message": "overloaded", "code": 130000}, count=1)
    reply = await call.send()
    assert (reply.status, reply.code) == (503, 130000)
    assert count(sandbox) == before
    assert (await call.send()).status == 200
    record = sandbox.received()[-2]
    assert (record.fault, record.status, record.applied) == ("status", 503, False)


async def test_faults_choose_their_requests(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("status", method="POST", template=CREATE, skip=1, count=2)
    sandbox.faults.add("unauthorized", path_prefix="/guilds/1")
    assert [(await call.send()).status for _ in range(4)] == [200, 500, 500, 200]
    assert (await call("GET", CHANNEL)).status == 200
    assert (await call("GET", "/guilds/1")).status == 401
    assert (await call("GET", "/guilds/2")).status == 200


async def test_probability(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("status", probability=0.0)
    assert (await call.send()).status == 200


async def test_html_comes_from_cloudflare(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("html", count=1)
    sandbox.faults.add("html", status=200, html="<p>Sign in</p>", count=1)
    reply = await call.send()
    assert (reply.status, "Via" in reply.headers) == (502, False)
    assert reply.headers["Content-Type"].startswith("text/html")
    reply = await call.send()
    assert (reply.status, reply.text) == (200, "<p>Sign in</p>")


@pytest.mark.parametrize("before_reading", [True, False])
async def test_reset(call: Client, sandbox: Sandbox, before_reading: bool) -> None:
    before = count(sandbox)
    sandbox.faults.add("reset", before_reading=before_reading)
    with pytest.raises(aiohttp.ClientConnectionError):
        await call.send()
    assert count(sandbox) == before
    record = sandbox.received()[-1]
    assert record.status is None
    assert record.body == (None if before_reading else {"content": "hello"})


async def test_hang_until_released(call: Client, sandbox: Sandbox) -> None:
    before = count(sandbox)
    fault = sandbox.faults.add("hang")
    with pytest.raises(TimeoutError):
        await call("POST", CHANNEL, {"content": "x"}, timeout=aiohttp.ClientTimeout(total=0.05))
    waiting = asyncio.create_task(call.send())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    sandbox.faults.remove(fault.id)
    assert (await waiting).status == 200
    assert count(sandbox) == before + 1


async def test_hang_for_a_while(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("hang", seconds=0.05)
    assert (await call.send()).status == 200


async def test_drip(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("drip", seconds=0.1)
    started = time.monotonic()
    assert (await call.send()).body["content"] == "hello"
    assert time.monotonic() - started >= 0.09
    assert (await call("DELETE", f"{CHANNEL}/789")).status == 204


@pytest.mark.parametrize(("method", "path"), [("GET", "/users/@me"), ("DELETE", f"{CHANNEL}/789")])
async def test_truncated(call: Client, sandbox: Sandbox, method: str, path: str) -> None:
    sandbox.faults.add("truncated")
    with pytest.raises(aiohttp.ClientError):
        await call(method, path)
    # The client may have tried a second time by itself.
    assert sandbox.received()[0].applied


async def test_wrong_type(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("wrong_type", count=1)
    sandbox.faults.add("wrong_type", body="fine", count=1)
    before = count(sandbox)
    assert (await call.send()).body == []
    assert (await call.send()).body == "fine"
    assert count(sandbox) == before + 2


@pytest.mark.parametrize("then", ["reset", "hang", "truncated"])
async def test_a_lost_reply_was_applied(call: Client, sandbox: Sandbox, then: str) -> None:
    before = count(sandbox)
    sandbox.faults.add("lost_reply", then=then, count=1)
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        await call("POST", CHANNEL, {"content": "x"}, timeout=aiohttp.ClientTimeout(total=1))
    assert count(sandbox) == before + 1
    record = sandbox.received()[-1]
    assert (record.fault, record.applied) == ("lost_reply", True)


async def test_a_lost_reply_as_502(call: Client, sandbox: Sandbox) -> None:
    before = count(sandbox)
    sandbox.faults.add("lost_reply", then="502", count=1)
    reply = await call.send()
    assert (reply.status, reply.headers["Content-Type"].startswith("text/html")) == (502, True)
    assert count(sandbox) == before + 1


async def test_any_fault_can_be_applied_first(call: Client, sandbox: Sandbox) -> None:
    before = count(sandbox)
    sandbox.faults.add("status", status=500, applied=True)
    assert (await call.send()).status == 500
    assert count(sandbox) == before + 1


async def test_latency_adds_up_with_other_faults(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("latency", seconds=0.05, jitter_seconds=0.01)
    sandbox.faults.add("status", status=500)
    started = time.monotonic()
    assert (await call.send()).status == 500
    assert time.monotonic() - started >= 0.05


async def test_cloudflares_429_has_no_hints(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("cloudflare_429", count=1)
    sandbox.faults.add("cloudflare_429", html="", count=1)
    reply = await call.send()
    assert (reply.status, reply.code, "Via" in reply.headers) == (429, 0, False)
    assert not [name for name in reply.headers if name.lower().startswith(("x-ratelimit", "retry-after"))]
    assert (await call.send()).headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_rate_limited(limited_call: Client, limited: Sandbox, scope: str) -> None:
    limited.faults.add("rate_limited", scope=scope, retry_after_seconds=2.5)
    reply = await limited_call.send()
    assert reply.body["retry_after"] == 2.5
    assert (reply.headers["Retry-After"], reply.headers["X-RateLimit-Scope"]) == ("3", scope)
    assert reply.body["global"] is (scope == "global")
    assert ("X-RateLimit-Bucket" in reply.headers) is (scope != "global")
    assert limited.addresses.invalid_requests() == ({} if scope == "shared" else {"127.0.0.1": 1})
    assert limited.stats()["rate_limited"] == {}


async def test_unauthorized(call: Client, sandbox: Sandbox) -> None:
    sandbox.faults.add("unauthorized", count=1)
    reply = await call.send()
    assert (reply.status, reply.code, reply.headers["Via"]) == (401, 0, "1.1 google")


async def test_wrong_switches_are_refused(sandbox: Sandbox) -> None:
    for settings in (
        {"kind": "gremlin"},
        {"kind": "reset", "colour": 1},
        {"kind": "lost_reply", "then": "tea"},
    ):
        with pytest.raises(ValueError, match=r"gremlin|colour|tea"):
            sandbox.faults.add(**settings)


async def test_a_sandbox_with_hanging_requests_stops_at_once() -> None:
    started = time.monotonic()
    async with Sandbox.serving() as sandbox, aiohttp.ClientSession() as session:
        sandbox.faults.add("lost_reply", then="hang")
        waiting = asyncio.create_task(session.get(sandbox.base_url + "/users/@me"))
        await asyncio.sleep(0.05)
    with pytest.raises(aiohttp.ClientConnectionError):
        await waiting
    assert time.monotonic() - started < 10

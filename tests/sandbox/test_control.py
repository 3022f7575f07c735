"""Everything a test can do in process, done over HTTP."""

from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.client import CHANNEL, Client


async def test_the_state_is_json(call: Client) -> None:
    made = (await call.send("<@42>")).body
    state = (await call.control("GET", "/state?messages=1")).body
    channel = state["channels"]["123"]
    assert [message["id"] for message in channel["messages"]] == [made["id"]]
    assert channel["messages"][0]["pings"] == {"users": ["42"], "roles": [], "everyone": False}
    assert "SEND_MESSAGES" in channel["bot_permissions"]
    assert state["guilds"]["1"]["members"]["42"]["nick"] == "Robin of plot 12"
    assert state["guilds"]["1"]["bans"]["46"]["reason"] == "sold fake seeds"
    assert state["webhooks"]["555"]["name"] == "Weather Vane"
    assert state["stats"]["requests"] == 1


async def test_requests_can_be_read_and_forgotten(call: Client) -> None:
    await call.send("one")
    await call("GET", "/users/@me")
    seen = (await call.control("GET", "/requests?method=POST")).body
    assert [record["body"]["content"] for record in seen["requests"]] == ["one"]
    number = seen["requests"][0]["number"]
    later = (await call.control("GET", f"/requests?after={number}")).body["requests"]
    assert [record["template"] for record in later] == ["/users/@me"]
    assert "sandbox-bot-token" not in (await call.control("GET", "/requests")).text
    await call.control("DELETE", "/requests")
    assert (await call.control("GET", "/requests")).body["requests"] == []


async def test_buckets_and_rules(limited_call: Client) -> None:
    await limited_call.send()
    [bucket] = (await limited_call.control("GET", "/buckets")).body["buckets"]
    assert (bucket["rule"], bucket["major"], bucket["limit"], bucket["remaining"]) == (
        "messages.create",
        "123",
        5,
        4,
    )
    assert (bucket["kind"], bucket["reset_after"], len(bucket["hash"])) == ("sliding", 1.0, 32)
    change = {"rules": {"messages.create": {"kind": "fixed", "limit": 1}, "reactions": None}}
    rules = (await limited_call.control("PUT", "/settings", change)).body["rules"]
    assert (rules["messages.create"]["kind"], rules["reactions"]) == ("fixed", None)
    assert [(await limited_call.send()).status for _ in range(2)] == [200, 429]
    await limited_call.control("POST", "/clock", {"seconds": 5})
    assert (await limited_call.send()).status == 200
    assert (await limited_call.control("GET", "/stats")).body["rate_limited"] == {"user": 1}


async def test_faults_over_http(call: Client) -> None:
    fault = (await call.control("POST", "/faults", {"kind": "status", "status": 503, "method": "POST"})).body
    assert (await call.send()).status == 503
    [listed] = (await call.control("GET", "/faults")).body["faults"]
    assert (listed["id"], listed["hits"]) == (fault["id"], 1)
    assert (await call.control("DELETE", f"/faults/{fault['id']}")).status == 200
    assert (await call.control("DELETE", f"/faults/{fault['id']}")).status == 404
    await call.control("POST", "/faults", {"kind": "reset"})
    assert (await call.control("DELETE", "/faults")).status == 200
    assert (await call.send()).status == 200


async def test_options_and_permissions(call: Client, sandbox: Sandbox) -> None:
    change = {
        "options": {"limits_enabled": True, "limit_factor": 2},
        "permissions": [{"guild_id": "1", "channel_id": "123", "revoke": ["EMBED_LINKS"]}],
    }
    assert (await call.control("POST", "/settings", change)).body["options"]["limit_factor"] == 2
    reply = await call.send(embeds=[{"title": "x"}])
    assert (reply.code, reply.headers["X-RateLimit-Limit"]) == (50013, "10")
    assert (await call("POST", "/channels/124/messages", {"embeds": [{"title": "x"}]})).status == 200
    assert sandbox.options.limit_factor == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/settings", {"tea": 1}),
        ("/settings", {"options": {"tea": 1}}),
        ("/settings", {"options": {"limits_enabled": "yes"}}),
        ("/settings", {"rules": {"tea": {}}}),
        ("/settings", {"rules": {"reactions": {"limit": 0}}}),
        ("/settings", {"rules": {"reactions": {"tea": 0}}}),
        ("/settings", {"permissions": [{"guild_id": "1", "grant": ["TEA"]}]}),
        ("/settings", {"permissions": [{"guild_id": "77", "grant": []}]}),
        ("/settings", []),
        ("/faults", {}),
        ("/faults", {"kind": "tea"}),
        ("/clock", {"seconds": -1}),
    ],
)
async def test_mistakes_are_400(call: Client, path: str, body: Any) -> None:
    reply = await call.control("POST", path, body)
    assert reply.status == 400
    assert reply.body["error"]


async def test_reset_goes_back_to_the_seeds(call: Client, sandbox: Sandbox) -> None:
    before = (await call("GET", CHANNEL)).body
    await call.send()
    await call("DELETE", "/guilds/1/members/42")
    sandbox.options.global_limit = 1
    sandbox.faults.add("status", path_prefix="/guilds")
    assert (await call.control("POST", "/reset")).status == 200
    assert (await call("GET", CHANNEL)).body == before
    assert (await call("GET", "/guilds/1/members/42")).status == 200
    assert sandbox.options.global_limit == 50
    assert sandbox.stats()["requests"] == 2

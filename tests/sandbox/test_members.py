"""Roles, kicks, bans, timeouts, and who outranks whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox import Permission, Sandbox
from tests.sandbox.client import Client

ROBIN = "/guilds/1/members/42"


def at(sandbox: Sandbox, **ahead: float) -> str:
    return (datetime.fromtimestamp(sandbox.clock.wall(), UTC) + timedelta(**ahead)).isoformat()


async def test_a_role_is_given_and_taken_again_and_again(call: Client) -> None:
    for _ in range(2):
        assert (await call("PUT", f"{ROBIN}/roles/7")).status == 204
    assert (await call("GET", ROBIN)).body["roles"] == ["7"]
    for _ in range(2):
        assert (await call("DELETE", f"{ROBIN}/roles/7")).status == 204
    assert (await call("GET", ROBIN)).body["roles"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{ROBIN}/roles/9", 403, 50013),
        (f"{ROBIN}/roles/8", 403, 50013),
        (f"{ROBIN}/roles/1", 400, 50028),
        (f"{ROBIN}/roles/77", 404, 10011),
        ("/guilds/1/members/47/roles/7", 404, 10007),
        ("/guilds/1/members/4242/roles/7", 404, 10013),
        ("/guilds/5/members/42/roles/7", 404, 10004),
        ("/guilds/3/members/47/roles/7", 403, 50001),
        ("/guilds/2/members/42/roles/27", 403, 50013),
    ],
)
async def test_roles_refused(call: Client, path: str, status: int, code: int) -> None:
    reply = await call("PUT", path)
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT"])
@pytest.mark.parametrize("user", ["40", "41"])
async def test_owner_and_warden_are_out_of_reach(call: Client, sandbox: Sandbox, method: str, user: str) -> None:
    path = f"/guilds/1/bans/{user}" if method == "PUT" else f"/guilds/1/members/{user}"
    body = {"communication_disabled_until": at(sandbox, hours=1)} if method == "PATCH" else None
    reply = await call(method, path, body)
    assert (reply.status, reply.code) == (403, 50013)
    assert user in sandbox.world.guilds["1"].members


async def test_an_administrator_below_can_be_kicked_but_not_timed_out(call: Client, sandbox: Sandbox) -> None:
    until = {"communication_disabled_until": at(sandbox, hours=1)}
    assert (await call("PATCH", "/guilds/1/members/45", until)).code == 50013
    assert (await call("DELETE", "/guilds/1/members/45")).status == 204


async def test_the_bot_itself_can_be_renamed_and_nothing_else(call: Client) -> None:
    assert (await call("PATCH", "/guilds/1/members/99", {"nick": "Gate"})).body["nick"] == "Gate"
    assert (await call("DELETE", "/guilds/1/members/99")).code == 50013
    assert (await call("PUT", "/guilds/1/bans/99", {})).code == 50013


async def test_a_kick(call: Client, sandbox: Sandbox) -> None:
    assert (await call("DELETE", ROBIN, headers={"X-Audit-Log-Reason": "mud%20on%20boots"})).status == 204
    assert (await call("DELETE", ROBIN)).code == 10007
    entry = sandbox.world.audit_log[-1]
    assert (entry.action, entry.target_id, entry.reason) == ("member_kick", "42", "mud on boots")


@pytest.mark.parametrize(
    ("permission", "method", "path"),
    [
        (Permission.KICK_MEMBERS, "DELETE", ROBIN),
        (Permission.BAN_MEMBERS, "PUT", "/guilds/1/bans/42"),
        (Permission.BAN_MEMBERS, "DELETE", "/guilds/1/bans/46"),
        (Permission.MANAGE_ROLES, "PUT", f"{ROBIN}/roles/7"),
    ],
)
async def test_permissions_to_moderate(
    call: Client, sandbox: Sandbox, permission: Permission, method: str, path: str
) -> None:
    sandbox.world.change_bot_permissions("1", revoke=permission)
    assert (await call(method, path)).code == 50013
    sandbox.world.change_bot_permissions("1", grant=permission)
    assert (await call(method, path)).status == 204


async def test_a_ban(call: Client, sandbox: Sandbox) -> None:
    reason = {"X-Audit-Log-Reason": "weeds"}
    sent_at = sandbox.world.sent_at(sandbox.world.channels["123"].messages["456"])
    seconds = int(sandbox.clock.wall() - sent_at) + 1
    for _ in range(2):
        reply = await call("PUT", "/guilds/1/bans/42", {"delete_message_seconds": seconds}, headers=reason)
        assert reply.status == 204
    assert (await call("GET", "/guilds/1/bans/42")).body["reason"] == "weeds"
    assert (await call("GET", ROBIN)).code == 10007
    assert "456" not in sandbox.world.channels["123"].messages
    assert "490" in sandbox.world.channels["128"].messages
    assert (await call("DELETE", "/guilds/1/bans/42")).status == 204
    assert (await call("DELETE", "/guilds/1/bans/42")).code == 10026
    assert (await call("GET", "/guilds/1/bans/42")).code == 10026


async def test_accounts_outside_the_guild_can_be_banned(call: Client) -> None:
    assert (await call("PUT", "/guilds/1/bans/47", {})).status == 204
    assert (await call("PUT", "/guilds/1/bans/4747", {})).code == 10013


@pytest.mark.parametrize("seconds", [-1, 604_801, "60", 1.5])
async def test_delete_message_seconds_is_bounded(call: Client, seconds: Any) -> None:
    reply = await call("PUT", "/guilds/1/bans/42", {"delete_message_seconds": seconds})
    assert reply.leaf("delete_message_seconds")


async def test_old_ways_to_ban_are_noted(call: Client, sandbox: Sandbox) -> None:
    await call("PUT", "/guilds/1/bans/42?delete_message_seconds=60", {"delete_message_days": 1, "reason": "x"})
    problems = " ".join(problem for _, problem in sandbox.problems())
    assert "delete_message_days is deprecated" in problems
    assert "query parameter 'delete_message_seconds'" in problems
    assert "unknown field 'reason'" in problems
    assert sandbox.world.guilds["1"].bans["42"].delete_message_seconds == 86_400


async def test_a_timeout(call: Client, sandbox: Sandbox) -> None:
    until = at(sandbox, days=27)
    reply = await call("PATCH", ROBIN, {"communication_disabled_until": until})
    assert datetime.fromisoformat(reply.body["communication_disabled_until"]) == datetime.fromisoformat(until)
    lifted = await call("PATCH", ROBIN, {"communication_disabled_until": None})
    assert lifted.body["communication_disabled_until"] is None


@pytest.mark.parametrize(
    ("ahead", "is_refused"),
    [({"days": 28}, True), ({"days": 28, "seconds": -2}, False), ({"days": 29}, True)],
)
async def test_a_timeout_ends_within_28_days(
    call: Client, sandbox: Sandbox, ahead: dict[str, float], is_refused: bool
) -> None:
    reply = await call("PATCH", ROBIN, {"communication_disabled_until": at(sandbox, **ahead)})
    if is_refused:
        assert reply.leaf("communication_disabled_until") == ["INVALID_COMMUNICATION_DISABLED_TIMESTAMP"]
    else:
        assert reply.status == 200


@pytest.mark.parametrize("until", ["2025-06-15T12:00:00", "tomorrow", 1750000000])
async def test_a_timeout_is_a_moment_with_a_zone(call: Client, until: Any) -> None:
    reply = await call("PATCH", ROBIN, {"communication_disabled_until": until})
    assert reply.leaf("communication_disabled_until") == ["DATE_TIME_TYPE_PARSE"]


async def test_nicknames_and_role_sets(call: Client) -> None:
    reply = await call("PATCH", ROBIN, {"nick": "Robin II", "roles": ["6", "7"]})
    assert (reply.body["nick"], reply.body["roles"]) == ("Robin II", ["6", "7"])
    assert (await call("PATCH", ROBIN, {"nick": ""})).body["nick"] is None
    assert (await call("PATCH", ROBIN, {"nick": "x" * 33})).leaf("nick")
    assert (await call("PATCH", ROBIN, {"roles": ["9"]})).code == 50013
    assert (await call("PATCH", ROBIN, {"roles": ["7", "7"]})).leaf("roles", "1")
    assert (await call("PATCH", ROBIN, {"mute": True})).code == 40032

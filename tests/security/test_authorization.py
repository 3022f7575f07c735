"""Attacks on what a token allows: each is refused on both protocols, recorded, and tells nothing of what there is."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox import FaultKind
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.security.doors import Door, open_door
from tests.support.module import token

GARDEN, STRICT, CLOSED = "1", "2", "3"
OPEN_HOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
STRICT_HOOK_ID, STRICT_HOOK_TOKEN = "556", "strict-neighbours_0123456789"
BOTH = pytest.mark.parametrize("protocol", ["grpc", "rest"])


@dataclass(frozen=True)
class Attempt:
    """What somebody tries, with a token of these claims."""

    claims: Mapping[str, Any]
    rpc: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def to(channel: str) -> Mapping[str, str]:
    return {"channel_id": channel, "content": "x"}


def at(channel: str, message: str, **more: str) -> Mapping[str, str]:
    return {"channel_id": channel, "message_id": message, **more}


def hook(url: str) -> Mapping[str, str]:
    return {"webhook_url": url, "content": "x"}


TARGET = {"guild_id": GARDEN, "user_id": "42"}
ROLE = {**TARGET, "role_id": "7"}
IN_GARDEN, IN_STRICT = {"guilds": [GARDEN]}, {"guilds": [STRICT]}
NOWHERE: Mapping[str, list[str]] = {"guilds": []}
GUESSED_HOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/guessed-token"
IN_THREAD = f"{OPEN_HOOK}?thread_id=130"
UNKNOWN_HOOK = "https://discord.com/api/webhooks/987654321/no-such-token"
STRICT_HOOK = f"https://discord.com/api/webhooks/{STRICT_HOOK_ID}/{STRICT_HOOK_TOKEN}"

ATTACKS: dict[str, Attempt] = {
    # scopes
    "an empty scope": Attempt({"scope": ""}, "BanUser", TARGET),
    "a blank scope": Attempt({"scope": "   "}, "BanUser", TARGET),
    "a scope in capitals": Attempt({"scope": "MODERATION"}, "BanUser", TARGET),
    "a scope in title case": Attempt({"scope": "Moderation"}, "BanUser", TARGET),
    "scopes separated by a tab": Attempt({"scope": "messages\tmoderation"}, "BanUser", TARGET),
    "scopes on two lines": Attempt({"scope": "messages\nmoderation"}, "BanUser", TARGET),
    "scopes separated by a comma": Attempt({"scope": "messages,moderation"}, "BanUser", TARGET),
    "scopes separated by a no-break space": Attempt({"scope": "messages\u00a0moderation"}, "BanUser", TARGET),
    "scopes separated by a line separator": Attempt({"scope": "messages\u2028moderation"}, "BanUser", TARGET),
    "a scope with an invisible letter": Attempt({"scope": "moderation\u200b"}, "BanUser", TARGET),
    "a scope in other letters": Attempt({"scope": "m\u043ederation"}, "BanUser", TARGET),
    "a star": Attempt({"scope": "*"}, "BanUser", TARGET),
    "all": Attempt({"scope": "all admin root"}, "BanUser", TARGET),
    "a scope that begins like it": Attempt({"scope": "moderation:read"}, "BanUser", TARGET),
    "half of a scope": Attempt({"scope": "webhooks"}, "SendWebhook", hook(OPEN_HOOK)),
    "the scope to send, to create": Attempt({"scope": "webhooks:send"}, "CreateWebhook", {"channel_id": "123"}),
    "the scope to create, to send": Attempt({"scope": "webhooks:create"}, "SendWebhook", hook(OPEN_HOOK)),
    "moderation, to give a role": Attempt({"scope": "moderation"}, "ManageRole", ROLE),
    "reading, to write": Attempt({"scope": "audit:read limits:read"}, "SendMessage", to("123")),
    # guilds
    "a ban in another guild": Attempt(IN_STRICT, "BanUser", TARGET),
    "a kick with no guild at all": Attempt(NOWHERE, "KickUser", TARGET),
    "a channel of another guild": Attempt(IN_GARDEN, "SendMessage", to("223")),
    "a channel the bot cannot see": Attempt(IN_GARDEN, "SendMessage", to("224")),
    "a channel of a guild without the bot": Attempt(IN_GARDEN, "SendMessage", to("323")),
    "a channel that does not exist": Attempt(IN_GARDEN, "SendMessage", to("987654321")),
    "a direct message": Attempt(IN_GARDEN, "SendMessage", to("128")),
    "the guild's id as a channel": Attempt(IN_GARDEN, "SendMessage", to(GARDEN)),
    "a thread of another guild": Attempt(IN_STRICT, "SendMessage", to("130")),
    "a thread in a forum of another guild": Attempt(IN_STRICT, "SendMessage", to("132")),
    "an archived thread of another guild": Attempt(IN_STRICT, "SendMessage", to("126")),
    "an edit in another guild": Attempt(IN_STRICT, "EditMessage", at("123", "789", content="x")),
    "a deletion in another guild": Attempt(IN_STRICT, "DeleteMessage", at("123", "456")),
    "a reaction in another guild": Attempt(IN_STRICT, "AddReaction", at("123", "456", emoji="👋")),
    "an embed in another guild": Attempt(IN_STRICT, "SendEmbed", {"channel_id": "123", "embed": {"title": "x"}}),
    "a webhook made in another guild": Attempt(IN_STRICT, "CreateWebhook", {"channel_id": "123", "name": "x"}),
    "a listed channel of another guild": Attempt({**IN_STRICT, "channels": ["123"]}, "SendMessage", to("123")),
    "a message of ours, a channel of theirs": Attempt(IN_GARDEN, "EditMessage", at("223", "789", content="x")),
    # channels
    "another channel of the guild": Attempt({"channels": ["124"]}, "SendMessage", to("123")),
    "a listed guild, another channel": Attempt({**IN_GARDEN, "channels": ["124"]}, "SendMessage", to("123")),
    "no channel at all": Attempt({"channels": []}, "SendMessage", to("123")),
    "a thread of a listed channel": Attempt({"channels": ["123"]}, "SendMessage", to("130")),
    # webhooks
    "a webhook of another guild": Attempt(IN_GARDEN, "SendWebhook", hook(STRICT_HOOK)),
    "a webhook, with no guild at all": Attempt(NOWHERE, "SendWebhook", hook(OPEN_HOOK)),
    "a webhook of another channel": Attempt({"channels": ["124"]}, "SendWebhook", hook(OPEN_HOOK)),
    "a webhook's thread that is listed": Attempt({"channels": ["130"]}, "SendWebhook", hook(IN_THREAD)),
    "a webhook with a guessed token": Attempt(IN_GARDEN, "SendWebhook", hook(GUESSED_HOOK)),
    "a webhook that does not exist": Attempt(IN_GARDEN, "SendWebhook", hook(UNKNOWN_HOOK)),
    # roles
    "another role": Attempt({"roles": ["6"]}, "ManageRole", ROLE),
    "no role at all": Attempt({"roles": []}, "ManageRole", ROLE),
    "a listed role in another guild": Attempt({"roles": ["7"], **IN_STRICT}, "ManageRole", ROLE),
    "a role to take away": Attempt({"roles": ["6"]}, "ManageRole", {**ROLE, "action": "remove"}),
}


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(tmp_path_factory.mktemp("rights")) as opened:
        _add_strict_webhook(opened)
        yield opened


def _add_strict_webhook(door: Door) -> None:
    """A webhook in the guild next door."""
    known = door.sandbox.world.webhooks[WEBHOOK_ID]
    strict = type(known)(STRICT_HOOK_ID, STRICT_HOOK_TOKEN, "Fence", "223", STRICT, known.creator)
    door.sandbox.world.webhooks[strict.id] = strict


def changes_at_discord(door: Door) -> int:
    return sum(record.method != "GET" for record in door.sandbox.requests)


@BOTH
@pytest.mark.parametrize("attack", ATTACKS)
async def test_denied_and_recorded(attack: str, protocol: str, door: Door) -> None:
    attempt, before = ATTACKS[attack], changes_at_discord(door)
    heard = await door.hears(protocol, attempt.rpc, attempt.fields, token(**attempt.claims))
    assert (heard.code, heard.outcome) == ("permission_denied", "not_sent")
    assert heard.action_id is not None
    assert (await door.module.row(heard.action_id)).error_code == "permission_denied"
    assert changes_at_discord(door) == before


ALLOWED: dict[str, Attempt] = {
    "scopes separated by several spaces": Attempt({"scope": "  messages   roles "}, "SendMessage", to("123")),
    "a channel of the guild": Attempt(IN_GARDEN, "SendMessage", to("123")),
    "a thread of the guild": Attempt(IN_GARDEN, "SendMessage", to("130")),
    "a thread in a forum of the guild": Attempt(IN_GARDEN, "SendMessage", to("132")),
    "an edit in the guild": Attempt(IN_GARDEN, "EditMessage", at("123", "789", content="x")),
    "a webhook of the guild": Attempt(IN_GARDEN, "SendWebhook", hook(OPEN_HOOK)),
    "a webhook of the channel": Attempt({"channels": ["123"]}, "SendWebhook", hook(OPEN_HOOK)),
    "a thread of the webhook's channel": Attempt({"channels": ["123"]}, "SendWebhook", hook(IN_THREAD)),
    "a listed channel of a listed guild": Attempt({**IN_GARDEN, "channels": ["123"]}, "SendMessage", to("123")),
    "a listed direct message": Attempt({"channels": ["128"]}, "SendMessage", to("128")),
    "a listed role": Attempt({"roles": ["7"], **IN_GARDEN}, "ManageRole", ROLE),
}


@BOTH
@pytest.mark.parametrize("name", ALLOWED)
async def test_the_same_rules_let_through(name: str, protocol: str, door: Door) -> None:
    attempt = ALLOWED[name]
    assert (await door.hears(protocol, attempt.rpc, attempt.fields, token(**attempt.claims))).code == "ok"


async def test_nobody_learns_which_channels_and_webhooks_there_are(door: Door) -> None:
    async def told(path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token(**IN_GARDEN)}"}
        async with door.session.post(door.module.rest_url + path, json=fields, headers=headers) as response:
            problem = await response.json()
            same = {name: value for name, value in problem.items() if name not in {"request_id", "action_id"}}
            return response.status, json.dumps(same).replace(fields.get("channel_id", "-"), "ID")

    channels = [await told("/api/v1/message", to(channel)) for channel in ("223", "224", "323", "987654", "128")]
    assert len(set(channels)) == 1
    urls = (STRICT_HOOK, GUESSED_HOOK, UNKNOWN_HOOK)
    assert len({await told("/api/v1/webhook/send", hook(url)) for url in urls}) == 1


@BOTH
async def test_a_guild_is_asked_for_once(protocol: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    async with open_door(tmp_path_factory.mktemp("once")) as door:
        caller = token(**IN_GARDEN)
        heard = await asyncio.gather(*(door.hears(protocol, "SendMessage", to("123"), caller) for _ in range(5)))
        assert {one.code for one in heard} == {"ok"}
        refused = [await door.hears(protocol, "SendMessage", to("323"), caller) for _ in range(5)]
        assert {one.code for one in refused} == {"permission_denied"}
        assert len(door.sandbox.received("GET")) == 2


@BOTH
async def test_what_cannot_be_looked_up_is_refused_and_recorded(
    protocol: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with open_door(tmp_path_factory.mktemp("away"), MAX_RETRIES="0") as door:
        fault = door.sandbox.faults.add(FaultKind.STATUS, status=502, method="GET")
        heard = await door.hears(protocol, "SendMessage", to("123"), token(**IN_GARDEN))
        assert (heard.code, heard.outcome, heard.is_retryable) == ("discord_unavailable", "not_sent", True)
        assert heard.action_id is not None
        assert (await door.module.row(heard.action_id)).error_code == "discord_unavailable"
        assert changes_at_discord(door) == 0
        door.sandbox.faults.remove(fault.id)
        assert (await door.hears(protocol, "SendMessage", to("123"), token(**IN_GARDEN))).code == "ok"


# ── reading the record ──


async def test_nobody_reads_what_others_did(door: Door) -> None:
    mine, theirs = token(client_id="mine", scope="messages"), token(client_id="theirs", scope="messages")
    own, foreign = [await door.hears("rest", "SendMessage", to("123"), caller) for caller in (mine, theirs)]
    for heard in (own, foreign):
        assert heard.action_id is not None
        await door.module.row(heard.action_id)

    assert (await door.get(f"/api/v1/actions/{own.action_id}", mine))[0] == 200
    status, missing = await door.get("/api/v1/actions/0194b9c5-0000-7000-8000-000000000000", mine)
    other_status, other = await door.get(f"/api/v1/actions/{foreign.action_id}", mine)
    assert status == other_status == 404
    assert missing["detail"] == other["detail"]
    assert missing["detail"].endswith("It is there within a second of the answer.")

    _, page = await door.get("/api/v1/actions?limit=100", mine)
    assert {row["client_id"] for row in page["actions"]} == {"mine"}
    assert (await door.get("/api/v1/actions?client_id=theirs", mine))[0] == 403
    assert (await door.get("/api/v1/actions/export?client_id=theirs", mine))[0] == 403
    _, everything = await door.get("/api/v1/actions?limit=100", token(client_id="auditor", scope="audit:read"))
    assert {"mine", "theirs"} <= {row["client_id"] for row in everything["actions"]}


async def exported(door: Door, caller: str, query: str = "") -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {caller}"}
    async with door.session.get(f"{door.module.rest_url}/api/v1/actions/export{query}", headers=headers) as response:
        assert response.status == 200
        return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_an_export_holds_a_callers_own_rows_alone(door: Door) -> None:
    heard = await door.hears("grpc", "SendMessage", to("123"), token(client_id="exporter", scope="messages"))
    assert heard.action_id is not None
    await door.module.row(heard.action_id)
    rows = await exported(door, token(client_id="exporter", scope="messages"))
    assert [row["action_id"] for row in rows] == [heard.action_id]


async def test_no_guild_is_read_through_the_record(door: Door) -> None:
    """A reader of one guild sees neither the rows of another, nor those that name no guild."""
    banned = await door.hears("rest", "BanUser", {"guild_id": GARDEN, "user_id": "43"}, token(client_id="garden"))
    posted = await door.hears("rest", "SendMessage", to("123"), token(client_id="garden"))
    for heard in (banned, posted):
        assert heard.action_id is not None
        await door.module.row(heard.action_id)

    strict = token(client_id="garden", scope="audit:read", guilds=[STRICT])
    garden = token(client_id="garden", scope="audit:read", guilds=[GARDEN])
    for heard in (banned, posted):
        assert (await door.get(f"/api/v1/actions/{heard.action_id}", strict))[0] == 404
    assert (await door.get(f"/api/v1/actions?guild_id={GARDEN}", strict))[0] == 403
    assert (await door.get(f"/api/v1/actions/export?guild_id={GARDEN}", strict))[0] == 403
    assert await exported(door, strict, "?client_id=garden") == []
    _, page = await door.get("/api/v1/actions?channel_id=123&limit=100", strict)
    assert page["actions"] == []
    assert {row["guild_id"] for row in await exported(door, garden)} == {GARDEN}


async def test_a_guilds_caller_reads_what_it_did_there_and_a_denial_names_no_guild(door: Door) -> None:
    caller = token(client_id="gardener", guilds=[GARDEN], scope="messages")
    done, denied = [await door.hears("grpc", "SendMessage", to(channel), caller) for channel in ("123", "223")]
    for heard in (done, denied):
        assert heard.action_id is not None
        await door.module.row(heard.action_id)
    status, row = await door.get(f"/api/v1/actions/{done.action_id}", caller)
    assert (status, row["guild_id"]) == (200, GARDEN)
    everything = token(client_id="gardener")
    _, row = await door.get(f"/api/v1/actions/{denied.action_id}", everything)
    assert (row["error_code"], row["guild_id"]) == ("permission_denied", None)


async def test_no_channel_is_read_through_its_guild(door: Door) -> None:
    """A reader of one channel does not see the guild's others, however it asks."""
    shed = await door.hears("rest", "SendMessage", to("124"), token(client_id="shed", guilds=[GARDEN]))
    assert shed.action_id is not None
    assert (await door.module.row(shed.action_id)).guild_id == GARDEN
    narrow: list[dict[str, list[str]]] = [
        {"channels": ["123"]},
        {"guilds": [GARDEN], "channels": ["123"]},
        {"channels": []},
    ]
    for claims in narrow:
        reader = token(client_id="shed", scope="audit:read", **claims)
        assert (await door.get(f"/api/v1/actions/{shed.action_id}", reader))[0] == 404
        for query in ("?client_id=shed", f"?client_id=shed&guild_id={GARDEN}", "?client_id=shed&channel_id=124"):
            _, page = await door.get(f"/api/v1/actions{query}", reader)
            assert page["actions"] == []
            assert await exported(door, reader, query) == []
    reader = token(client_id="shed", scope="audit:read", guilds=[GARDEN], channels=["124"])
    assert [row["action_id"] for row in await exported(door, reader, "?client_id=shed")] == [shed.action_id]


async def test_limits_are_read_with_their_scope_alone(door: Door) -> None:
    for scope in ("", "limits", "LIMITS:READ", "audit:read"):
        assert (await door.get("/api/v1/limits", token(scope=scope)))[0] == 403
    assert (await door.get("/api/v1/limits", token(scope="limits:read")))[0] == 200


@BOTH
async def test_a_token_without_scopes_can_be_turned_off(
    protocol: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with open_door(tmp_path_factory.mktemp("scoped"), JWT_UNSCOPED_ACCESS="none") as door:
        assert (await door.hears(protocol, "BanUser", TARGET, token())).code == "permission_denied"
        assert (await door.hears(protocol, "BanUser", TARGET, token(scope="moderation"))).code == "ok"
        assert (await door.get("/api/v1/limits", token()))[0] == 403


@BOTH
async def test_no_channel_is_read_through_its_webhook(protocol: str, door: Door) -> None:
    """A webhook's address names no channel, but what was posted through it stands in one."""
    posted = await door.hears(protocol, "SendWebhook", hook(OPEN_HOOK), token(client_id="poster", guilds=[GARDEN]))
    assert posted.action_id is not None
    row = await door.module.row(posted.action_id)
    assert (row.guild_id, row.channel_id) == (GARDEN, "123")
    for channels, status in ((["124"], 404), ([], 404), (["123"], 200)):
        reader = token(client_id="reader", scope="audit:read", channels=channels)
        assert (await door.get(f"/api/v1/actions/{posted.action_id}", reader))[0] == status
        _, page = await door.get(f"/api/v1/actions?client_id=poster&guild_id={GARDEN}&limit=200", reader)
        assert (posted.action_id in {row["action_id"] for row in page["actions"]}) == (status == 200)

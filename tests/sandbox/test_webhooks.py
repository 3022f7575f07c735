"""Webhooks: making them, and speaking through them."""

import re
from typing import Any

import pytest

from sandbox import Permission, Sandbox
from sandbox.model import ChannelType, Webhook
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.sandbox.client import Client

HOOK = f"/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def move_webhook(sandbox: Sandbox, channel_id: str) -> Webhook:
    webhook = sandbox.world.webhooks[WEBHOOK_ID]
    webhook.channel_id = channel_id
    return webhook


async def test_a_webhook_is_made_and_found(call: Client) -> None:
    made = (await call("POST", "/channels/124/webhooks", {"name": "Rain", "avatar": PIXEL})).body
    assert re.fullmatch(r"[A-Za-z0-9_-]{68}", made["token"])
    assert made["url"] == f"https://discord.com/api/webhooks/{made['id']}/{made['token']}"
    assert (made["type"], made["guild_id"], made["user"]["id"]) == (1, "1", "99")
    assert (await call("GET", "/channels/124/webhooks")).body == [made]
    assert (await call("GET", f"/webhooks/{made['id']}")).body == made
    opened = await call("GET", f"/webhooks/{made['id']}/{made['token']}", headers={"Authorization": None})
    assert opened.body == {key: value for key, value in made.items() if key != "user"}


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({}, "name", "BASE_TYPE_REQUIRED"),
        ({"name": ""}, "name", "BASE_TYPE_REQUIRED"),
        ({"name": "x" * 81}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": "my Discord relay"}, "name", "USERNAME_INVALID_CONTAINS"),
        ({"name": "CLYDEsdale"}, "name", "USERNAME_INVALID_CONTAINS"),
        ({"name": "Everyone"}, "name", "USERNAME_INVALID"),
        ({"name": "x", "avatar": "https://x.org/a.png"}, "avatar", "IMAGE_INVALID"),
    ],
)
async def test_webhook_names(call: Client, body: dict[str, Any], place: str, code: str) -> None:
    assert code in (await call("POST", "/channels/123/webhooks", body)).leaf(place)


async def test_fifteen_per_channel(call: Client) -> None:
    for _ in range(14):
        assert (await call("POST", "/channels/123/webhooks", {"name": "x"})).status == 200
    assert (await call("POST", "/channels/123/webhooks", {"name": "x"})).code == 30007


@pytest.mark.parametrize(("channel", "code"), [("128", 50003), ("130", 50024), ("999", 10003), ("223", 50013)])
async def test_where_webhooks_live(call: Client, channel: str, code: int) -> None:
    assert (await call("POST", f"/channels/{channel}/webhooks", {"name": "x"})).code == code


async def test_managing_needs_permission(call: Client, sandbox: Sandbox) -> None:
    sandbox.world.change_bot_permissions("1", revoke=Permission.MANAGE_WEBHOOKS)
    assert (await call("GET", f"/webhooks/{WEBHOOK_ID}")).code == 50013


async def test_executing(call: Client, sandbox: Sandbox) -> None:
    assert (await call.webhook(HOOK, {"content": "drip"})).status == 204
    reply = await call.webhook(HOOK + "?wait=true", {"content": "drop", "username": "Vane"})
    assert reply.status == 200
    assert (reply.body["webhook_id"], reply.body["author"]["username"]) == (WEBHOOK_ID, "Vane")
    assert [message.content for message in sandbox.world.channels["123"].messages.values()][-2:] == [
        "drip",
        "drop",
    ]


async def test_a_webhook_pings_users_only(call: Client) -> None:
    made = (await call.webhook(HOOK + "?wait=1", {"content": "<@42> <@&6> @everyone"})).body
    assert [user["id"] for user in made["mentions"]] == ["42"]
    assert (made["mention_roles"], made["mention_everyone"]) == ([], False)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/webhooks/{WEBHOOK_ID}/wrong", 401, 50027),
        (f"/webhooks/556/{WEBHOOK_TOKEN}", 404, 10015),
        (f"{HOOK}?thread_id=999", 404, 10003),
        (f"{HOOK}?thread_id=132", 404, 10003),
        (f"{HOOK}?thread_id=133", 403, 160005),
    ],
)
async def test_executions_refused(call: Client, path: str, status: int, code: int) -> None:
    reply = await call.webhook(path, {"content": "x"})
    assert (reply.status, reply.code) == (status, code)


async def test_bodies_refused(call: Client) -> None:
    assert (await call.webhook(HOOK, {})).code == 50006
    assert (await call.webhook(HOOK, {"content": "x", "username": "here"})).leaf("username")
    assert (await call.webhook(HOOK, {"content": "x", "avatar_url": "x"})).leaf("avatar_url")
    assert (await call.webhook(HOOK, {"content": "x", "thread_name": "y"})).code == 220003


async def test_the_bots_credential_does_not_belong_there(call: Client, sandbox: Sandbox) -> None:
    assert (await call("POST", HOOK, {"content": "x", "nonce": "1"})).status == 204
    problems = sandbox.received()[-1].problems
    assert any("Authorization sent to a webhook" in problem for problem in problems)
    assert any("'nonce'" in problem for problem in problems)


async def test_a_thread_is_opened_by_posting(call: Client, sandbox: Sandbox) -> None:
    assert (await call.webhook(HOOK + "?thread_id=126", {"content": "x"})).status == 204
    assert not sandbox.world.channels["126"].archived


async def test_forums_want_a_thread(call: Client, sandbox: Sandbox) -> None:
    move_webhook(sandbox, "127")
    assert (await call.webhook(HOOK, {"content": "x"})).code == 220001
    assert (await call.webhook(HOOK + "?thread_id=132", {"content": "x", "thread_name": "y"})).code == 220002
    assert (await call.webhook(HOOK + "?thread_id=132", {"content": "x"})).status == 204
    made = (await call.webhook(HOOK + "?wait=true", {"content": "x", "thread_name": "Aphids"})).body
    thread = sandbox.world.channels[made["channel_id"]]
    assert (thread.type, thread.name, thread.parent_id) == (ChannelType.PUBLIC_THREAD, "Aphids", "127")


async def test_deleting(call: Client) -> None:
    assert (await call("DELETE", HOOK, headers={"Authorization": None})).status == 204
    assert (await call.webhook(HOOK, {"content": "x"})).code == 10015
    assert (await call("DELETE", f"/webhooks/{WEBHOOK_ID}")).code == 10015

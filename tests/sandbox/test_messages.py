"""Creating, reading, editing and deleting messages."""

from typing import Any

import pytest

from sandbox import Permission, Sandbox
from tests.sandbox.client import CHANNEL, Client


async def test_a_message_is_made_and_can_be_read(call: Client) -> None:
    made = (await call.send("  hello <@42>  ", embeds=[{"title": "T", "color": 255}])).body
    assert made["content"] == "hello <@42>"
    assert made["author"]["id"] == "99"
    assert made["embeds"] == [{"type": "rich", "title": "T", "color": 255}]
    assert [user["id"] for user in made["mentions"]] == ["42"]
    read = await call("GET", f"{CHANNEL}/{made['id']}")
    assert read.body == made


async def test_ids_are_snowflakes_of_now(call: Client, sandbox: Sandbox) -> None:
    ids = [int((await call.send()).body["id"]) for _ in range(3)]
    assert ids == sorted(set(ids))
    assert ((ids[0] >> 22) + 1_420_070_400_000) / 1000 == sandbox.clock.wall()


async def test_a_page_is_newest_first(call: Client) -> None:
    page = (await call("GET", CHANNEL + "?limit=2")).body
    assert [message["id"] for message in page] == ["789", "456"]
    page = (await call("GET", CHANNEL + "?before=453&limit=2")).body
    assert [message["id"] for message in page] == ["452", "451"]
    page = (await call("GET", CHANNEL + "?after=453&limit=1")).body
    assert [message["id"] for message in page] == ["456"]
    assert (await call("GET", CHANNEL + "?limit=101")).leaf("limit") == ["NUMBER_TYPE_MAX"]
    assert (await call("GET", CHANNEL + "?before=x")).leaf("before") == ["NUMBER_TYPE_COERCE"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/channels/999/messages", 404, 10003),
        ("/channels/323/messages", 403, 50001),
        ("/channels/224/messages", 403, 50001),
        ("/channels/223/messages", 403, 50013),
        ("/channels/120/messages", 400, 50008),
        ("/channels/127/messages", 400, 50008),
        ("/channels/126/messages", 400, 50083),
        ("/channels/129/messages", 403, 50007),
        ("/channels/128/messages", 200, None),
        ("/channels/130/messages", 200, None),
        ("/channels/131/messages", 200, None),
    ],
)
async def test_where_a_message_may_go(call: Client, path: str, status: int, code: int | None) -> None:
    reply = await call("POST", path, {"content": "x"})
    assert (reply.status, reply.body.get("code")) == (status, code)


@pytest.mark.parametrize("body", [{}, {"content": "  "}, {"content": None}, {"embeds": []}, {"tts": True}])
async def test_an_empty_message_is_50006(call: Client, body: dict[str, Any]) -> None:
    reply = await call("POST", CHANNEL, body)
    assert (reply.status, reply.code) == (400, 50006)


@pytest.mark.parametrize(
    ("permission", "body"),
    [
        (Permission.SEND_MESSAGES, {"content": "x"}),
        (Permission.EMBED_LINKS, {"embeds": [{"title": "x"}]}),
        (Permission.SEND_TTS_MESSAGES, {"content": "x", "tts": True}),
    ],
)
async def test_permissions_to_send(
    call: Client, sandbox: Sandbox, permission: Permission, body: dict[str, Any]
) -> None:
    sandbox.world.change_bot_permissions("1", revoke=permission)
    assert (await call("POST", CHANNEL, body)).code == 50013
    sandbox.world.change_bot_permissions("1", grant=permission, channel_id="123")
    assert (await call("POST", CHANNEL, body)).status == 200


async def test_a_reply_refers_to_its_message(call: Client) -> None:
    made = (await call.send(message_reference={"message_id": "456"})).body
    assert made["type"] == 19
    assert made["message_reference"]["message_id"] == "456"
    assert [user["id"] for user in made["mentions"]] == ["42"]
    lost = await call.send(message_reference={"message_id": "457"})
    assert lost.leaf("message_reference") == ["REPLIES_UNKNOWN_MESSAGE"]
    loose = await call.send(message_reference={"message_id": "457", "fail_if_not_exists": False})
    assert (loose.status, loose.body["type"]) == (200, 0)
    system = await call.send(message_reference={"message_id": "450"})
    assert system.leaf("message_reference") == ["REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"]


async def test_an_enforced_nonce_answers_the_message_that_exists(call: Client, sandbox: Sandbox) -> None:
    first = (await call.send("once", nonce="n-1", enforce_nonce=True)).body
    again = (await call.send("once", nonce="n-1", enforce_nonce=True)).body
    assert again == first
    assert first["nonce"] == "n-1"
    sandbox.clock.advance(300)
    assert (await call.send("once", nonce="n-1", enforce_nonce=True)).body["id"] != first["id"]


async def test_a_nonce_alone_is_only_echoed(call: Client) -> None:
    first, second = [(await call.send(nonce=7)).body for _ in range(2)]
    assert first["nonce"] == second["nonce"] == 7
    assert first["id"] != second["id"]


async def test_a_nonce_of_a_deleted_message_is_10008(call: Client) -> None:
    made = (await call.send(nonce="n", enforce_nonce=True)).body
    assert (await call("DELETE", f"{CHANNEL}/{made['id']}")).status == 204
    assert (await call.send(nonce="n", enforce_nonce=True)).code == 10008


async def test_an_edit_changes_what_it_names(call: Client) -> None:
    made = (await call.send("one", embeds=[{"title": "kept"}])).body
    edited = (await call("PATCH", f"{CHANNEL}/{made['id']}", {"content": "two"})).body
    assert (edited["content"], edited["embeds"]) == ("two", made["embeds"])
    assert edited["edited_timestamp"] is not None
    emptied = await call("PATCH", f"{CHANNEL}/{made['id']}", {"content": "", "embeds": []})
    assert emptied.code == 50006


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{CHANNEL}/456", 50005),
        (f"{CHANNEL}/450", 50021),
        (f"{CHANNEL}/1", 10008),
        ("/channels/126/messages/471", 50083),
        ("/channels/999/messages/1", 10003),
    ],
)
async def test_edits_refused(call: Client, path: str, code: int) -> None:
    assert (await call("PATCH", path, {"content": "x"})).code == code


async def test_foreign_embeds_can_be_suppressed(call: Client, sandbox: Sandbox) -> None:
    assert (await call("PATCH", f"{CHANNEL}/456", {"flags": 4})).body["flags"] == 4
    sandbox.world.change_bot_permissions("1", revoke=Permission.MANAGE_MESSAGES)
    assert (await call("PATCH", f"{CHANNEL}/456", {"flags": 0})).code == 50013


async def test_deletes(call: Client, sandbox: Sandbox) -> None:
    assert (await call("DELETE", f"{CHANNEL}/456")).status == 204
    assert (await call("DELETE", f"{CHANNEL}/456")).code == 10008
    assert (await call("DELETE", f"{CHANNEL}/450")).status == 204
    assert (await call("DELETE", "/channels/130/messages/475")).code == 50021
    assert (await call("DELETE", "/channels/126/messages/470")).code == 50083
    assert (await call("DELETE", "/channels/128/messages/490")).code == 50003
    sandbox.world.change_bot_permissions("1", revoke=Permission.MANAGE_MESSAGES)
    assert (await call("DELETE", f"{CHANNEL}/452")).code == 50013
    assert (await call("DELETE", f"{CHANNEL}/789")).status == 204


async def test_a_channel_keeps_its_newest_messages(call: Client, sandbox: Sandbox) -> None:
    sandbox.options.messages_per_channel = 3
    made = [(await call.send()).body["id"] for _ in range(4)]
    assert list(sandbox.world.channels["123"].messages) == made[1:]

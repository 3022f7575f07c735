"""Nobody is pinged whom the caller may not ping and did not ask to ping, whatever stands in the text."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from sandbox.model import Message
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.security.doors import Door, open_door
from tests.support.module import token

BOTH = pytest.mark.parametrize("protocol", ["grpc", "rest"])
HOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
LOUD = "@everyone @here <@&6> <@&7> <@42>"
WAYS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "content": ("SendMessage", {"channel_id": "123", "content": LOUD}),
    "content beside an embed": ("SendMessage", {"channel_id": "123", "content": LOUD, "embed": {"title": LOUD}}),
    "a thread": ("SendMessage", {"channel_id": "130", "content": LOUD}),
    "edit": ("EditMessage", {"channel_id": "123", "message_id": "789", "content": LOUD}),
    "webhook": ("SendWebhook", {"webhook_url": HOOK, "content": LOUD}),
    "webhook with embeds": ("SendWebhook", {"webhook_url": HOOK, "content": LOUD, "embeds": [{"title": LOUD}]}),
    "webhook in a thread": ("SendWebhook", {"webhook_url": f"{HOOK}?thread_id=130", "content": LOUD}),
}
EMBED = {
    "title": LOUD,
    "description": LOUD,
    "footer_text": LOUD,
    "author_name": LOUD,
    "fields": [{"name": LOUD, "value": LOUD, "inline": False}],
}
QUIET_WAYS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "an embed": ("SendEmbed", {"channel_id": "123", "embed": EMBED}),
    "an embed beside a text": ("SendMessage", {"channel_id": "123", "content": "x", "embed": EMBED}),
    "a webhook's embed": ("SendWebhook", {"webhook_url": HOOK, "embeds": [EMBED]}),
}
CREDENTIALS = {
    "all scopes but that": token(scope="messages webhooks:send"),
    "the scope in capitals": token(scope="messages webhooks:send MENTIONS:EVERYONE"),
    "half of the scope": token(scope="messages webhooks:send mentions"),
}
TOO_LOUD = (["everyone"], ["roles"], ["users", "everyone"], ["roles", "everyone", "users"])


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(tmp_path_factory.mktemp("mentions")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _fresh_world(door: Door) -> None:
    """An edit changes the message that all edits are tried on."""
    door.sandbox.reset()


def changed(door: Door) -> list[Any]:
    return [record for record in door.sandbox.requests if record.method != "GET"]


def written(door: Door) -> Message:
    """The one message of the bot's or the webhook's that holds the text."""
    channels = door.sandbox.world.channels.values()
    (found,) = [
        message
        for channel in channels
        for message in channel.messages.values()
        if LOUD in message.content or message.embeds
    ]
    return found


@BOTH
@pytest.mark.parametrize("way", WAYS)
async def test_a_text_pings_users_alone_unless_asked(way: str, protocol: str, door: Door) -> None:
    rpc, fields = WAYS[way]
    assert (await door.hears(protocol, rpc, fields, token())).code == "ok"
    pings = written(door).pings
    assert (pings.users, pings.roles, pings.everyone) == (["42"], [], False)
    (sent,) = changed(door)
    assert sent.body["allowed_mentions"] == {"parse": ["users"]}


@BOTH
@pytest.mark.parametrize("way", WAYS)
async def test_a_text_pings_nobody_when_that_is_asked(way: str, protocol: str, door: Door) -> None:
    rpc, fields = WAYS[way]
    assert (await door.hears(protocol, rpc, {**fields, "allowed_mentions": ["none"]}, token())).code == "ok"
    assert not written(door).pings
    (sent,) = changed(door)
    assert sent.body["allowed_mentions"] == {"parse": []}


@BOTH
@pytest.mark.parametrize("way", QUIET_WAYS)
async def test_an_embed_pings_nobody(way: str, protocol: str, door: Door) -> None:
    rpc, fields = QUIET_WAYS[way]
    assert (await door.hears(protocol, rpc, fields, token())).code == "ok"
    assert not written(door).pings
    (sent,) = changed(door)
    assert sent.body["allowed_mentions"] == {"parse": ["users"]}


@BOTH
@pytest.mark.parametrize("way", [*WAYS, *QUIET_WAYS])
@pytest.mark.parametrize("asked", TOO_LOUD, ids="+".join)
async def test_nobody_is_loud_without_the_right(asked: list[str], way: str, protocol: str, door: Door) -> None:
    rpc, fields = (WAYS | QUIET_WAYS)[way]
    for credential in CREDENTIALS.values():
        heard = await door.hears(protocol, rpc, {**fields, "allowed_mentions": asked}, credential)
        assert (heard.code, heard.outcome) == ("permission_denied", "not_sent")
        assert heard.action_id is not None
    assert changed(door) == []


@BOTH
@pytest.mark.parametrize("way", WAYS)
async def test_the_right_and_the_wish_together_are_loud(way: str, protocol: str, door: Door) -> None:
    rpc, fields = WAYS[way]
    caller = token(scope="messages webhooks:send mentions:everyone")
    asked = {**fields, "allowed_mentions": ["everyone", "roles"]}
    assert (await door.hears(protocol, rpc, asked, caller)).code == "ok"
    pings = written(door).pings
    assert "6" in pings.roles
    assert pings.users == []
    (sent,) = changed(door)
    assert sorted(sent.body["allowed_mentions"]["parse"]) == ["everyone", "roles"]


WISHES: dict[str, Any] = {
    "an object of Discord's": {"parse": ["everyone"]},
    "ids of roles": ["6"],
    "a text": "everyone",
    "in capitals": ["EVERYONE"],
    "here": ["here"],
    "with a blank": [" everyone"],
    "none and everyone": ["none", "everyone"],
    "twice": ["everyone", "everyone"],
    "four": ["users", "roles", "everyone", "none"],
    "a list in a list": [["everyone"]],
}


@pytest.mark.parametrize("wish", WISHES)
async def test_a_wish_in_another_form_is_refused(wish: str, door: Door) -> None:
    fields = {"channel_id": "123", "content": LOUD, "allowed_mentions": WISHES[wish]}
    heard = await door.hears("rest", "SendMessage", fields, token(scope="messages"))
    assert heard.code == "invalid_argument"
    assert changed(door) == []


@pytest.mark.parametrize("name", ["message_reference", "flags", "tts", "components", "sticker_ids", "nonce"])
@pytest.mark.parametrize("rpc", ["SendMessage", "SendWebhook"])
async def test_no_field_of_discords_is_carried_along(rpc: str, name: str, door: Door) -> None:
    way = WAYS["content" if rpc == "SendMessage" else "webhook"][1]
    heard = await door.hears("rest", rpc, {**way, name: 1}, token())
    assert heard.code == "invalid_argument"
    assert changed(door) == []

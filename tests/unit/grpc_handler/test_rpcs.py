"""Every rpc carries every field to its action and every part of the outcome back."""

from collections.abc import Mapping
from typing import Any

import pytest

from services.actions import CATALOGUE, SendMessage
from tests.unit.grpc_handler.caller import ACTION_ID, AUTHORIZED, Serving, raw_call

EMBED = {
    "title": "Title",
    "description": "Text",
    "color": "#00ff7f",
    "url": "https://example.com/",
    "thumbnail_url": "https://example.com/t.png",
    "image_url": "https://example.com/i.png",
    "footer_text": "Footer",
    "footer_icon_url": "https://example.com/f.png",
    "fields": [{"name": "a", "value": "b", "inline": True}, {"name": "c", "value": "d"}],
    "author_name": "Author",
    "author_url": "https://example.com/a",
    "author_icon_url": "https://example.com/a.png",
    "timestamp": "2026-01-31T12:00:00Z",
}
PLACE = {"channel_id": "123", "message_id": "456"}
MEMBER = {"guild_id": "1", "user_id": "42"}
HOOK = "https://discord.com/api/webhooks/77/abc-DEF_1?thread_id=88"

REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "SendMessage": {"channel_id": "123", "content": "hi", "embed": EMBED, "allowed_mentions": ["users", "roles"]},
    "SendEmbed": {"channel_id": "123", "embed": EMBED, "allowed_mentions": ["none"]},
    "AddReaction": {**PLACE, "emoji": "👍"},
    "ManageRole": {**MEMBER, "role_id": "9", "action": "remove"},
    "CreateWebhook": {"channel_id": "123", "name": "Herald"},
    "SendWebhook": {"webhook_url": HOOK, "content": "hi", "embeds": [EMBED], "allowed_mentions": ["users"]},
    "DeleteMessage": PLACE,
    "EditMessage": {**PLACE, "content": "better", "allowed_mentions": ["everyone"]},
    "KickUser": {**MEMBER, "reason": "spam"},
    "BanUser": {**MEMBER, "reason": "spam", "delete_message_days": 7},
    "TimeoutUser": {**MEMBER, "duration_seconds": 60, "reason": "calm"},
}
TYPES = {action_type.rpc(): action_type for action_type in CATALOGUE}


def test_every_action_has_a_request_here_that_fills_every_field() -> None:
    assert {rpc: set(fields) for rpc, fields in REQUESTS.items()} == {
        rpc: set(action_type.model_fields) for rpc, action_type in TYPES.items()
    }


@pytest.mark.parametrize("rpc", REQUESTS)
async def test_every_field_reaches_the_action(served: Serving, rpc: str) -> None:
    answered = await served.call(rpc, REQUESTS[rpc])

    assert answered.error is None
    assert served.service.action == TYPES[rpc].model_validate(REQUESTS[rpc])


@pytest.mark.parametrize("rpc", REQUESTS)
async def test_the_response_tells_the_outcome(served: Serving, rpc: str) -> None:
    response = (await served.call(rpc, REQUESTS[rpc])).response

    told = {descriptor.name: value for descriptor, value in response.ListFields()}
    outcome = {name: name for name in TYPES[rpc].outcome_type.model_fields}
    assert told == {"success": True, "action_id": ACTION_ID} | outcome


async def test_empty_fields_count_as_absent(served: Serving) -> None:
    fields = {"channel_id": "123", "content": "hi", "allowed_mentions": []}
    await served.call("SendMessage", fields)

    assert served.service.action == SendMessage(channel_id="123", content="hi")


async def test_an_embed_that_is_there_but_empty_is_named(served: Serving) -> None:
    answered = await served.call("SendMessage", {"channel_id": "123", "content": "hi", "embed": {}})

    assert list(answered.fields) == ["embed"]


async def test_unknown_fields_are_ignored(served: Serving) -> None:
    raw = b"\n\x03123\x12\x02hi" + b"\xba\x3e\x01x"  # field 999
    await raw_call(served.channel, "SendMessage")(raw, metadata=AUTHORIZED, timeout=5)

    assert served.service.action == SendMessage(channel_id="123", content="hi")

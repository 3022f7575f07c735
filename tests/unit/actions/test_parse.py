import json
import re
from typing import Any

import pytest

from services.actions import (
    CATALOGUE,
    Action,
    BanUser,
    ManageRole,
    SendEmbed,
    SendMessage,
    SendWebhook,
    TimeoutUser,
    parse,
)
from services.errors import InvalidArgument
from services.values.fields import MOST_ITEMS


def violations(action_type: type[Action], fields: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidArgument) as caught:
        parse(action_type, fields)
    return {violation.pointer: violation.detail for violation in caught.value.violations}


def test_every_bad_field_is_named_at_once_with_its_bound() -> None:
    found = violations(
        SendMessage,
        {
            "channel_id": "0",
            "content": "x" * 2001,
            "embed": {"title": "x" * 257, "fields": [{"name": ""}], "color": "zz", "bogus": 1},
            "foo/bar": 2,
        },
    )
    assert set(found) == {
        "#/channel_id",
        "#/content",
        "#/embed/title",
        "#/embed/color",
        "#/embed/fields/0/name",
        "#/embed/fields/0/value",
        "#/embed/bogus",
        "#/foo~1bar",
    }
    assert "1 to 19 digits" in found["#/channel_id"]
    assert "2000" in found["#/content"]
    assert "256" in found["#/embed/title"]


@pytest.mark.parametrize(
    "id_", ["", "0", "01", "-1", "+1", "1.0", " 1", "1\n", "١", "x", "9223372036854775808", "12345678901234567890"]
)
def test_what_is_no_discord_id(id_: str) -> None:
    assert "#/channel_id" in violations(SendMessage, {"channel_id": id_, "content": "x"})


@pytest.mark.parametrize("id_", ["1", "123", "41771983429993937", "9223372036854775807"])
def test_discord_ids(id_: str) -> None:
    assert parse(SendMessage, {"channel_id": id_, "content": "x"}).channel == id_


@pytest.mark.parametrize(
    ("action_type", "fields", "pointer", "said"),
    [
        (SendMessage, {"channel_id": 123, "content": "x"}, "#/channel_id", "string"),
        (SendMessage, {"content": "x"}, "#/channel_id", "is required: The channel or thread."),
        (SendMessage, {"channel_id": "1"}, "#", "needs content or an embed"),
        (SendMessage, {"channel_id": "1", "content": " \n"}, "#", "needs content or an embed"),
        (SendMessage, {"channel_id": "1", "content": "a\x00"}, "#/content", "U+0000"),
        (SendMessage, {"channel_id": "1", "content": "\ud800"}, "#/content", "Unicode"),
        (SendMessage, {"channel_id": "1", "content": "x", "embed": []}, "#/embed", "object"),
        (SendMessage, {"channel_id": "1", "content": []}, "#/content", "string"),
        (SendMessage, {"channel_id": "1", "content": "x", "allowed_mentions": ""}, "#/allowed_mentions", "list"),
        (BanUser, {"guild_id": "1", "user_id": "2", "delete_message_days": ""}, "#/delete_message_days", "integer"),
        (SendMessage, {"channel_id": "1", "embed": {"title": "T", "fields": ""}}, "#/embed/fields", "list"),
        (SendMessage, {"channel_id": "1", "embed": "x"}, "#/embed", "object"),
        (SendMessage, {"channel_id": "1", "content": "x", "allowed_mentions": "users"}, "#/allowed_mentions", "list"),
        (ManageRole, {"guild_id": "1", "user_id": "2", "role_id": "3", "action": "toggle"}, "#/action", "'add'"),
        (BanUser, {"guild_id": "1", "user_id": "2", "delete_message_days": 8}, "#/delete_message_days", "7"),
        (BanUser, {"guild_id": "1", "user_id": "2", "delete_message_days": -1}, "#/delete_message_days", "0"),
        (BanUser, {"guild_id": "1", "user_id": "2", "delete_message_days": "1"}, "#/delete_message_days", "integer"),
        (BanUser, {"guild_id": "1", "user_id": "2", "delete_message_days": True}, "#/delete_message_days", "integer"),
        (BanUser, {"guild_id": "1", "user_id": "2", "reason": "a\r\nX: y"}, "#/reason", "control"),
        (BanUser, {"guild_id": "1", "user_id": "2", "reason": "x" * 513}, "#/reason", "512"),
        (TimeoutUser, {"guild_id": "1", "user_id": "2", "duration_seconds": 2419201}, "#/duration_seconds", "2419200"),
        (TimeoutUser, {"guild_id": "1", "user_id": "2", "duration_seconds": 0}, "#/duration_seconds", "1"),
        (SendWebhook, {"webhook_url": "https://discord.com/api/webhooks/1/a"}, "#", "needs content or embeds"),
        (SendWebhook, {"webhook_url": "https://evil.org/", "content": "x"}, "#/webhook_url", "webhook URL"),
        (
            SendWebhook,
            {"webhook_url": "https://discord.com/api/webhooks/1/a", "embeds": [{"title": "T"}] * 11},
            "#/embeds",
            "10",
        ),
        (
            SendWebhook,
            {"webhook_url": "https://discord.com/api/webhooks/1/a", "embeds": [{"description": "x" * 3001}] * 2},
            "#",
            "6000",
        ),
    ],
)
def test_bounds_are_named(action_type: type[Action], fields: dict[str, Any], pointer: str, said: str) -> None:
    assert said in violations(action_type, fields)[pointer]


def test_empty_means_absent() -> None:
    full = {"guild_id": "1", "user_id": "2", "reason": "", "delete_message_days": None}
    assert parse(BanUser, full) == parse(BanUser, {"guild_id": "1", "user_id": "2"})
    embed: dict[str, Any] = {"title": "T", "color": "", "url": "", "timestamp": "", "fields": [], "author_name": None}
    sent = {"channel_id": "1", "content": "", "embed": embed, "allowed_mentions": []}
    assert parse(SendMessage, sent).record() == {"channel_id": "1", "embed": {"title": "T"}}
    role = {"guild_id": "1", "user_id": "2", "role_id": "3", "action": ""}
    assert parse(ManageRole, role).action == "add"


def test_what_is_said_of_a_made_up_request_stays_short() -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(SendMessage, {f"{number}{'x' * 1000}": 1 for number in range(60)})
    assert len(caught.value.violations) == 25
    assert len(caught.value.detail) < 4000
    assert caught.value.detail.endswith("and 36 more")
    assert violations(SendMessage, {str(number): 1 for number in range(100_000)}) == {
        "#": "must have at most 64 fields"
    }


def test_an_action_is_frozen() -> None:
    action = parse(SendMessage, {"channel_id": "1", "content": "x"})
    with pytest.raises(ValueError, match="frozen"):
        action.content = "y"  # type: ignore[misc]  # the point of the test


def test_no_list_may_have_as_many_items_as_are_looked_at() -> None:
    written = json.dumps([action_type.model_json_schema() for action_type in CATALOGUE])
    bounds = {int(most) for most in re.findall(r'"maxItems": (\d+)', written)}
    assert bounds >= {3, 10, 25}
    assert max(bounds) < MOST_ITEMS


@pytest.mark.parametrize("item", [{}, {"name": "n", "value": "v"}, 1], ids=["wrong", "right", "none"])
def test_a_very_long_list_is_refused_by_its_first_items(item: object) -> None:
    fields = {"channel_id": "123", "embed": {"title": "t", "fields": [item] * 100_000}}
    with pytest.raises(InvalidArgument) as caught:
        parse(SendEmbed, fields)
    assert 1 <= len(caught.value.violations) <= 2 * MOST_ITEMS
    assert {violation.path[:2] for violation in caught.value.violations} == {("embed", "fields")}

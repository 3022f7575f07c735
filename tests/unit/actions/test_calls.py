"""What leaves for Discord, action by action."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.actions import (
    CATALOGUE,
    Action,
    AddReaction,
    BanUser,
    CreateWebhook,
    DeleteMessage,
    EditMessage,
    KickUser,
    ManageRole,
    SendEmbed,
    SendMessage,
    SendWebhook,
    Stamp,
    TimeoutUser,
    parse,
)
from services.ports import Call

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STAMP = Stamp("0194b9c5-0000-7000-8000-000000000000", "router", NOW, "nonce")
DEFAULT_REASON = "router 0194b9c5-0000-7000-8000-000000000000"


def call(action_type: type[Action], **fields: Any) -> Call:
    return parse(action_type, fields).call(STAMP)


def test_a_message_carries_a_nonce_and_pings_users_only() -> None:
    sent = call(SendMessage, channel_id="123", content="hi", embed={"title": "T"})
    assert (sent.method, sent.route, sent.major) == ("POST", "/channels/{channel_id}/messages", "123")
    assert sent.body == {
        "content": "hi",
        "embeds": [{"title": "T"}],
        "allowed_mentions": {"parse": ["users"]},
        "nonce": "nonce",
        "enforce_nonce": True,
    }


@pytest.mark.parametrize(
    ("asked", "parse_list"),
    [([], ["users"]), (["none"], []), (["everyone"], ["everyone"]), (["users", "roles"], ["users", "roles"])],
)
@pytest.mark.parametrize(
    ("action_type", "fields"),
    [
        (SendMessage, {"channel_id": "1", "content": "x"}),
        (SendEmbed, {"channel_id": "1", "embed": {"title": "T"}}),
        (EditMessage, {"channel_id": "1", "message_id": "2", "content": "x"}),
        (SendWebhook, {"webhook_url": "https://discord.com/api/webhooks/5/tok", "content": "x"}),
    ],
)
def test_whom_a_text_may_ping_is_always_said(
    action_type: type[Action], fields: dict[str, Any], asked: list[str], parse_list: list[str]
) -> None:
    body = call(action_type, **fields, allowed_mentions=asked).body or {}
    assert body["allowed_mentions"] == {"parse": parse_list}


def test_a_webhook_message_goes_by_id_and_token_without_our_authorization() -> None:
    sent = call(
        SendWebhook, webhook_url="https://canary.discord.com/api/webhooks/5/tok?thread_id=7&wait=false", content="x"
    )
    assert (sent.route, sent.major, sent.is_webhook) == ("/webhooks/{webhook_id}/{webhook_token}", "5", True)
    assert sent.query == {"wait": "true", "thread_id": "7"}
    assert "nonce" not in (sent.body or {})


def test_a_ban_says_seconds() -> None:
    sent = call(BanUser, guild_id="1", user_id="2", delete_message_days=7, reason="spam")
    assert (sent.method, sent.body, sent.reason) == ("PUT", {"delete_message_seconds": 604800}, "spam")


@pytest.mark.parametrize(
    ("seconds", "ahead"),
    [(1, timedelta(seconds=1)), (3600, timedelta(hours=1)), (2419200, timedelta(days=28) - timedelta(minutes=1))],
)
def test_a_timeout_ends_at_an_absolute_time_below_28_days(seconds: int, ahead: timedelta) -> None:
    sent = call(TimeoutUser, guild_id="1", user_id="2", duration_seconds=seconds)
    assert sent.body == {"communication_disabled_until": (NOW + ahead).isoformat()}
    assert sent.body["communication_disabled_until"].endswith("+00:00")


@pytest.mark.parametrize(
    ("action_type", "fields"),
    [
        (KickUser, {"guild_id": "1", "user_id": "2"}),
        (BanUser, {"guild_id": "1", "user_id": "2"}),
        (TimeoutUser, {"guild_id": "1", "user_id": "2", "duration_seconds": 5}),
        (ManageRole, {"guild_id": "1", "user_id": "2", "role_id": "3"}),
        (DeleteMessage, {"channel_id": "1", "message_id": "2"}),
        (CreateWebhook, {"channel_id": "1"}),
    ],
)
def test_without_a_reason_the_guilds_log_names_caller_and_action(
    action_type: type[Action], fields: dict[str, str]
) -> None:
    assert call(action_type, **fields).reason == DEFAULT_REASON


@pytest.mark.parametrize(("action", "method"), [("add", "PUT"), ("remove", "DELETE"), ("", "PUT")])
def test_roles_are_added_or_removed_one_after_the_other(action: str, method: str) -> None:
    sent = call(ManageRole, guild_id="1", user_id="2", role_id="3", action=action)
    assert (sent.method, sent.entity) == (method, "1/2")


def test_edits_of_one_message_are_made_one_after_the_other() -> None:
    first, same, other = (call(EditMessage, channel_id="1", message_id=id_, content="x") for id_ in ("2", "2", "3"))
    assert first.entity == same.entity != other.entity
    assert first.entity != call(ManageRole, guild_id="1", user_id="2", role_id="3").entity


@pytest.mark.parametrize(
    ("age", "variant"),
    [(timedelta(seconds=5), "young"), (timedelta(minutes=5), "ordinary"), (timedelta(days=15), "old")],
)
def test_deletions_are_counted_apart_by_age(age: timedelta, variant: str) -> None:
    made_ms = int((NOW - age).timestamp() * 1000) - 1_420_070_400_000
    assert call(DeleteMessage, channel_id="1", message_id=str(made_ms << 22)).variant == variant


def test_a_webhook_has_a_name_by_default() -> None:
    assert call(CreateWebhook, channel_id="1", name="").body == {"name": "WaddleBot"}


def test_a_reaction_is_put_in_the_bots_name() -> None:
    sent = call(AddReaction, channel_id="1", message_id="2", emoji=":heart:")
    assert (sent.method, sent.parts["emoji"]) == ("PUT", "❤️")


def test_the_record_of_a_webhook_message_holds_no_token() -> None:
    action = parse(SendWebhook, {"webhook_url": "https://discord.com/api/webhooks/5/hush", "content": "x"})
    sent = action.call(STAMP)
    assert "hush" not in repr(action) + repr(action.record()) + repr(sent)
    assert action.record() == {"webhook_id": "5", "content": "x"}


def test_the_catalogue_says_everything_about_every_action() -> None:
    for action in CATALOGUE:
        assert action.__doc__, action
        assert action.permission, action
        assert action.audit_names, action
        assert all(field.description for field in action.model_fields.values()), action
        assert set(action.rest.path_fields) <= set(action.model_fields), action

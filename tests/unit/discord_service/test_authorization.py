import pytest

from services.actions import CATALOGUE, Action, BanUser, ManageRole, SendMessage, SendWebhook, parse
from services.authorization import authorize
from services.errors import PermissionDenied
from services.ports import Caller

BAN = parse(BanUser, {"guild_id": "1", "user_id": "2"})
ROLE = parse(ManageRole, {"guild_id": "1", "user_id": "2", "role_id": "7"})
MESSAGE = parse(SendMessage, {"channel_id": "123", "content": "x"})
WEBHOOK = parse(SendWebhook, {"webhook_url": "https://discord.com/api/webhooks/5/secret", "content": "x"})
LOUD = parse(SendMessage, {"channel_id": "123", "content": "x", "allowed_mentions": ["everyone"]})


def holding(*scopes: str) -> Caller:
    return Caller("c", frozenset(scopes))


def listing(
    guilds: list[str] | None = None, channels: list[str] | None = None, roles: list[str] | None = None
) -> Caller:
    def listed(ids: list[str] | None) -> frozenset[str] | None:
        return None if ids is None else frozenset(ids)

    return Caller("c", None, listed(guilds), listed(channels), listed(roles))


@pytest.mark.parametrize(
    ("action", "caller"),
    [
        (BAN, Caller("router")),
        (BAN, holding("moderation")),
        (BAN, listing(guilds=["1"])),
        (BAN, listing(channels=["123"])),
        (MESSAGE, listing(channels=["123"])),
        (MESSAGE, listing(guilds=["1"], channels=["123"])),
        (LOUD, holding("messages", "mentions:everyone")),
        (ROLE, listing(roles=["7"])),
    ],
)
def test_what_the_token_allows_passes(action: Action, caller: Caller) -> None:
    authorize(action, caller)


@pytest.mark.parametrize(
    ("action", "caller", "named"),
    [
        (BAN, holding("messages"), "moderation"),
        (BAN, holding(), "moderation"),
        (BAN, listing(guilds=["2"]), "guild 1"),
        (MESSAGE, listing(guilds=["1"]), "channel 123"),
        (MESSAGE, listing(channels=["124"]), "channel 123"),
        (WEBHOOK, listing(guilds=["1"]), "webhook"),
        (LOUD, holding("messages"), "mentions:everyone"),
        (ROLE, listing(roles=[]), "role 7"),
    ],
)
def test_what_the_token_does_not_allow_is_named(action: Action, caller: Caller, named: str) -> None:
    with pytest.raises(PermissionDenied, match=named):
        authorize(action, caller)


def test_every_action_has_a_scope_of_its_kind() -> None:
    assert {action.rpc(): action.scope.value for action in CATALOGUE} == {
        "SendMessage": "messages",
        "SendEmbed": "messages",
        "AddReaction": "reactions",
        "ManageRole": "roles",
        "CreateWebhook": "webhooks:create",
        "SendWebhook": "webhooks:send",
        "DeleteMessage": "messages",
        "EditMessage": "messages",
        "KickUser": "moderation",
        "BanUser": "moderation",
        "TimeoutUser": "moderation",
    }

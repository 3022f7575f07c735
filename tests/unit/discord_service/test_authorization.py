import pytest

from services.actions import CATALOGUE, Action, BanUser, ManageRole, SendMessage, SendWebhook, parse
from services.authorization import authorize, check_place, needs_place
from services.errors import PermissionDenied
from services.ports import Caller, Place

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
        (MESSAGE, listing(channels=["124"]), "channel 123"),
        (MESSAGE, listing(guilds=["1"], channels=["124"]), "channel 123"),
        (LOUD, holding("messages"), "mentions:everyone"),
        (ROLE, listing(roles=[]), "role 7"),
    ],
)
def test_what_the_token_does_not_allow_is_named(action: Action, caller: Caller, named: str) -> None:
    with pytest.raises(PermissionDenied, match=named):
        authorize(action, caller)


HERE = Place("123", "1")
THREAD = Place("125", "1")
DIRECT = Place("123", None)


@pytest.mark.parametrize(
    ("action", "caller", "is_asked"),
    [
        (MESSAGE, Caller("router"), False),
        (MESSAGE, listing(channels=["123"]), False),
        (MESSAGE, listing(channels=["124"]), False),
        (MESSAGE, listing(guilds=["1"]), True),
        (MESSAGE, listing(guilds=["1"], channels=["123"]), True),
        (WEBHOOK, listing(channels=["123"]), True),
        (WEBHOOK, listing(guilds=[]), True),
        (WEBHOOK, listing(roles=[]), False),
        (BAN, listing(guilds=["1"], channels=["123"]), False),
    ],
)
def test_discord_is_asked_only_where_the_request_does_not_tell(action: Action, caller: Caller, is_asked: bool) -> None:
    assert needs_place(action, caller) is is_asked


@pytest.mark.parametrize(
    ("caller", "place"),
    [
        (listing(guilds=["1"]), HERE),
        (listing(guilds=["1"]), THREAD),
        (listing(guilds=["9", "1"], channels=["123"]), HERE),
        (listing(channels=["123"]), DIRECT),
    ],
)
def test_a_listed_place_passes(caller: Caller, place: Place) -> None:
    check_place(MESSAGE, caller, place)


@pytest.mark.parametrize("action", [MESSAGE, WEBHOOK])
@pytest.mark.parametrize(
    ("caller", "place"),
    [
        (listing(guilds=["2"]), HERE),
        (listing(guilds=[]), HERE),
        (listing(guilds=["2"], channels=["123"]), HERE),
        (listing(guilds=["1"], channels=["124"]), HERE),
        (listing(channels=["124"]), THREAD),
        (listing(guilds=["1"]), DIRECT),
        (listing(guilds=["1"]), None),
        (listing(channels=["123"]), None),
    ],
)
def test_any_other_place_is_refused_in_the_same_words(action: Action, caller: Caller, place: Place | None) -> None:
    named = "channel 123" if action is MESSAGE else "the webhook's channel"
    with pytest.raises(PermissionDenied) as refused:
        check_place(action, caller, place)
    assert refused.value.detail == f"The token lacks {named} in its list of guilds or channels."


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

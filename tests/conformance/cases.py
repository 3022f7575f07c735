"""One case file for both protocols. A case names its HTTP and its gRPC status; everything else must be equal.

The world behind it is the sandbox's seeds: guild 1 with channel 123, message 456 by a member and 789 by the bot, member
42, role 7 below the bot's and 9 above it, owner 40, an administrator 45; guild 2 lets the bot look and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox import FaultKind, LostReply, Scope
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN

WEBHOOK: Final = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
TARGET: Final = {"guild_id": "1", "user_id": "42"}
MESSAGE: Final = {"channel_id": "123", "content": "hello"}
FULL_EMBED: Final = {
    "title": "Frost tonight",
    "description": "Cover the beans.",
    "color": "#88CCFF",
    "url": "https://example.org/frost",
    "thumbnail_url": "https://example.org/t.png",
    "image_url": "https://example.org/i.png",
    "footer_text": "the committee",
    "footer_icon_url": "https://example.org/f.png",
    "fields": [{"name": "Low", "value": "-2 °C", "inline": True}, {"name": "High", "value": "5 °C"}],
    "author_name": "Garden Gate",
    "author_url": "https://example.org/a",
    "author_icon_url": "https://example.org/a.png",
    "timestamp": "2026-01-31T12:00:00Z",
}


type FaultSettings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked, what comes back, and what Discord saw of it."""

    name: str
    rpc: str
    fields: Mapping[str, Any]
    http: int = 200
    grpc: str = "OK"
    code: str = "ok"
    outcome: str = "delivered"
    bad_fields: tuple[str, ...] = ()
    discord_code: int | None = None
    result: frozenset[str] = frozenset()
    faults: tuple[FaultSettings, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    requests_at_discord: int | None = None


def delivered(
    name: str, rpc: str, fields: Mapping[str, Any], *result: str, faults: tuple[FaultSettings, ...] = ()
) -> Case:
    return Case(name, rpc, fields, result=frozenset(result), faults=faults)


def invalid(name: str, rpc: str, fields: Mapping[str, Any], *bad_fields: str) -> Case:
    return Case(
        name,
        rpc,
        fields,
        400,
        "INVALID_ARGUMENT",
        "invalid_argument",
        "not_sent",
        bad_fields=tuple(sorted(bad_fields)),
        requests_at_discord=0,
    )


def unknown(name: str, rpc: str, fields: Mapping[str, Any], what: str, discord_code: int) -> Case:
    return Case(name, rpc, fields, 404, "NOT_FOUND", f"discord_unknown_{what}", "rejected", discord_code=discord_code)


def forbidden(
    name: str, rpc: str, fields: Mapping[str, Any], discord_code: int = 50013, code: str = "missing_permissions"
) -> Case:
    return Case(name, rpc, fields, 403, "PERMISSION_DENIED", f"discord_{code}", "rejected", discord_code=discord_code)


def refused_by_state(name: str, rpc: str, fields: Mapping[str, Any], code: str, discord_code: int) -> Case:
    return Case(name, rpc, fields, 409, "FAILED_PRECONDITION", f"discord_{code}", "rejected", discord_code=discord_code)


def denied(name: str, rpc: str, fields: Mapping[str, Any], **claims: Any) -> Case:
    return Case(
        name,
        rpc,
        fields,
        403,
        "PERMISSION_DENIED",
        "permission_denied",
        "not_sent",
        claims=claims,
        requests_at_discord=0,
    )


DELIVERED: Final = (
    delivered("a message", "SendMessage", MESSAGE, "message_id"),
    delivered("a message with an embed", "SendMessage", {**MESSAGE, "embed": FULL_EMBED}, "message_id"),
    delivered(
        "a message that is only an embed", "SendMessage", {"channel_id": "123", "embed": {"title": "T"}}, "message_id"
    ),
    delivered("a message in a thread", "SendMessage", {"channel_id": "130", "content": "hi"}, "message_id"),
    delivered("a direct message", "SendMessage", {"channel_id": "128", "content": "hi"}, "message_id"),
    delivered("a message of 2000 emojis", "SendMessage", {"channel_id": "123", "content": "🦆" * 2000}, "message_id"),
    delivered("a loud message", "SendMessage", {**MESSAGE, "allowed_mentions": ["users", "everyone"]}, "message_id"),
    delivered("an embed", "SendEmbed", {"channel_id": "123", "embed": FULL_EMBED}, "message_id"),
    delivered("an edit", "EditMessage", {"channel_id": "123", "message_id": "789", "content": "new"}),
    delivered("a deletion", "DeleteMessage", {"channel_id": "123", "message_id": "456"}),
    delivered("a reaction", "AddReaction", {"channel_id": "123", "message_id": "456", "emoji": "👍"}),
    delivered(
        "a reaction by its shortcode", "AddReaction", {"channel_id": "123", "message_id": "456", "emoji": ":heart:"}
    ),
    delivered(
        "a custom reaction",
        "AddReaction",
        {"channel_id": "123", "message_id": "456", "emoji": "<:sprout:111222333444555666>"},
    ),
    delivered("a role given by default", "ManageRole", {**TARGET, "role_id": "7"}),
    delivered("a role taken", "ManageRole", {**TARGET, "role_id": "7", "action": "remove"}),
    delivered("a webhook created", "CreateWebhook", {"channel_id": "124"}, "webhook_url"),
    delivered("a webhook created with a name", "CreateWebhook", {"channel_id": "124", "name": "Rain 🌧"}, "webhook_url"),
    delivered("a webhook message", "SendWebhook", {"webhook_url": WEBHOOK, "content": "hi"}),
    delivered(
        "a webhook message of embeds", "SendWebhook", {"webhook_url": WEBHOOK, "embeds": [FULL_EMBED, {"title": "2"}]}
    ),
    delivered("a kick", "KickUser", {**TARGET, "reason": "läuft über 🌊 100%"}),
    delivered("a ban", "BanUser", {**TARGET, "delete_message_days": 7}),
    delivered("a ban of somebody who is not there", "BanUser", {"guild_id": "1", "user_id": "47"}),
    delivered("a timeout", "TimeoutUser", {**TARGET, "duration_seconds": 60, "reason": "calm down"}),
    delivered("the longest timeout", "TimeoutUser", {**TARGET, "duration_seconds": 2419200}),
)

INVALID: Final = (
    invalid("nothing at all", "SendMessage", {}, "channel_id"),
    invalid("a message without content", "SendMessage", {"channel_id": "123"}, ""),
    invalid(
        "several fields at once",
        "SendMessage",
        {"channel_id": "0123", "content": "x" * 2001, "embed": {"title": "x" * 257, "color": "blue"}},
        "channel_id",
        "content",
        "embed.title",
        "embed.color",
    ),
    invalid(
        "a bad field of an embed's field",
        "SendEmbed",
        {"channel_id": "123", "embed": {"fields": [{"name": "n", "value": "v"}, {"name": "n", "value": "x" * 1025}]}},
        "embed.fields[1].value",
    ),
    invalid(
        "an id above 2^63-1", "DeleteMessage", {"channel_id": "123", "message_id": "9223372036854775808"}, "message_id"
    ),
    invalid("no emoji", "AddReaction", {"channel_id": "123", "message_id": "456", "emoji": "thumbs"}, "emoji"),
    invalid("a third way to manage a role", "ManageRole", {**TARGET, "role_id": "7", "action": "toggle"}, "action"),
    invalid("a webhook's forbidden name", "CreateWebhook", {"channel_id": "123", "name": "Discord"}, "name"),
    invalid(
        "a foreign webhook address",
        "SendWebhook",
        {"webhook_url": "https://evil.org/api/webhooks/5/t", "content": "x"},
        "webhook_url",
    ),
    invalid("an edit to nothing", "EditMessage", {"channel_id": "123", "message_id": "789", "content": " "}, "content"),
    invalid("a reason with a line break", "KickUser", {**TARGET, "reason": "a\r\nX-Evil: 1"}, "reason"),
    invalid("eight days of messages", "BanUser", {**TARGET, "delete_message_days": 8}, "delete_message_days"),
    invalid("a negative number of days", "BanUser", {**TARGET, "delete_message_days": -1}, "delete_message_days"),
    invalid("a timeout above 28 days", "TimeoutUser", {**TARGET, "duration_seconds": 2419201}, "duration_seconds"),
    invalid("a timeout without an end", "TimeoutUser", TARGET, "duration_seconds"),
    invalid(
        "none and another mention",
        "SendMessage",
        {**MESSAGE, "allowed_mentions": ["none", "users"]},
        "allowed_mentions",
    ),
    invalid("a mention of no kind", "SendMessage", {**MESSAGE, "allowed_mentions": ["me"]}, "allowed_mentions[0]"),
)

REJECTED: Final = (
    unknown("an unknown channel", "SendMessage", {"channel_id": "999", "content": "x"}, "channel", 10003),
    unknown(
        "an unknown message",
        "EditMessage",
        {"channel_id": "123", "message_id": "1000", "content": "x"},
        "message",
        10008,
    ),
    unknown("a message deleted before", "DeleteMessage", {"channel_id": "123", "message_id": "1000"}, "message", 10008),
    unknown(
        "an unknown custom emoji",
        "AddReaction",
        {"channel_id": "123", "message_id": "456", "emoji": "gone:41771983429993937"},
        "emoji",
        10014,
    ),
    unknown("a member who left", "KickUser", {"guild_id": "1", "user_id": "47"}, "member", 10007),
    unknown("an unknown guild", "BanUser", {"guild_id": "999", "user_id": "42"}, "guild", 10004),
    unknown("an unknown role", "ManageRole", {**TARGET, "role_id": "999"}, "role", 10011),
    unknown(
        "a deleted webhook",
        "SendWebhook",
        {"webhook_url": "https://discord.com/api/webhooks/556/gone", "content": "x"},
        "webhook",
        10015,
    ),
    unknown(
        "a webhook's wrong token",
        "SendWebhook",
        {"webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/wrong", "content": "x"},
        "webhook",
        50027,
    ),
    forbidden("a role above the bot's", "ManageRole", {**TARGET, "role_id": "9"}),
    forbidden("a kick of the owner", "KickUser", {"guild_id": "1", "user_id": "40"}),
    forbidden(
        "a timeout of an administrator", "TimeoutUser", {"guild_id": "1", "user_id": "45", "duration_seconds": 60}
    ),
    forbidden("a guild where the bot may not write", "SendMessage", {"channel_id": "223", "content": "x"}),
    forbidden(
        "a channel the bot cannot see", "SendMessage", {"channel_id": "323", "content": "x"}, 50001, "missing_access"
    ),
    refused_by_state(
        "an edit of somebody else's message",
        "EditMessage",
        {"channel_id": "123", "message_id": "456", "content": "x"},
        "action_not_allowed",
        50005,
    ),
    refused_by_state(
        "a reaction in an archived thread",
        "AddReaction",
        {"channel_id": "126", "message_id": "470", "emoji": "👍"},
        "thread_archived",
        50083,
    ),
)

DENIED: Final = (
    denied("no scope for messages", "SendMessage", MESSAGE, scope="moderation"),
    denied("no scope for moderation", "BanUser", TARGET, scope="messages roles"),
    denied("an empty scope", "KickUser", TARGET, scope=""),
    denied("another guild", "KickUser", TARGET, guilds=["2"]),
    denied("another channel", "SendMessage", MESSAGE, channels=["124"]),
    denied("no right to be loud", "SendMessage", {**MESSAGE, "allowed_mentions": ["everyone"]}, scope="messages"),
)


def _always(kind: FaultKind, **how: Any) -> tuple[FaultSettings, ...]:
    return ({"kind": kind, **how},)


def _unknown_outcome(name: str, rpc: str, fields: Mapping[str, Any], *faults: FaultSettings, requests: int) -> Case:
    return Case(
        name,
        rpc,
        fields,
        504,
        "UNKNOWN",
        "outcome_unknown",
        "unknown",
        faults=faults,
        requests_at_discord=requests,
    )


def _unavailable(
    name: str, rpc: str, fields: Mapping[str, Any], outcome: str, *faults: FaultSettings, requests: int
) -> Case:
    return Case(
        name,
        rpc,
        fields,
        503,
        "UNAVAILABLE",
        "discord_unavailable",
        outcome,
        faults=faults,
        requests_at_discord=requests,
    )


WEBHOOK_MESSAGE: Final = {"webhook_url": WEBHOOK, "content": "hi"}
REACTION: Final = {"channel_id": "123", "message_id": "456", "emoji": "👍"}

# MAX_RETRIES is 3 here: four attempts at most.
FAILING: Final = (
    _unknown_outcome(
        "a webhook message answered 500",
        "SendWebhook",
        WEBHOOK_MESSAGE,
        *_always(FaultKind.STATUS, status=500),
        requests=1,
    ),
    _unknown_outcome(
        "a webhook message answered 502",
        "SendWebhook",
        WEBHOOK_MESSAGE,
        *_always(FaultKind.STATUS, status=502),
        requests=1,
    ),
    _unknown_outcome(
        "a webhook message cut off", "SendWebhook", WEBHOOK_MESSAGE, *_always(FaultKind.LOST_REPLY), requests=1
    ),
    _unknown_outcome(
        "a webhook message answered in HTML",
        "SendWebhook",
        WEBHOOK_MESSAGE,
        *_always(FaultKind.HTML, status=200),
        requests=1,
    ),
    _unknown_outcome(
        "a webhook created and truncated",
        "CreateWebhook",
        {"channel_id": "124"},
        *_always(FaultKind.TRUNCATED),
        requests=1,
    ),
    _unknown_outcome(
        "a webhook created and answered as a list",
        "CreateWebhook",
        {"channel_id": "124"},
        *_always(FaultKind.WRONG_TYPE, body=[]),
        requests=1,
    ),
    _unknown_outcome(
        "a message that fails for ever", "SendMessage", MESSAGE, *_always(FaultKind.STATUS, status=503), requests=4
    ),
    _unavailable(
        "a reaction that fails for ever",
        "AddReaction",
        REACTION,
        "unknown",
        *_always(FaultKind.STATUS, status=503),
        requests=4,
    ),
    _unavailable(
        "Cloudflare's block", "KickUser", TARGET, "not_sent", *_always(FaultKind.CLOUDFLARE_429, html=True), requests=1
    ),
    Case(
        "the bot's token refused",
        "KickUser",
        TARGET,
        502,
        "FAILED_PRECONDITION",
        "bot_token_invalid",
        "rejected",
        faults=_always(FaultKind.UNAUTHORIZED),
        requests_at_discord=1,
    ),
    Case(
        "a limit longer than the deadline",
        "BanUser",
        TARGET,
        429,
        "RESOURCE_EXHAUSTED",
        "rate_limited",
        "not_sent",
        faults=_always(FaultKind.RATE_LIMITED, retry_after_seconds=3600, scope=Scope.USER),
        requests_at_discord=1,
    ),
)


def _survives(
    name: str, rpc: str, fields: Mapping[str, Any], *faults: FaultSettings, requests: int, result: str = ""
) -> Case:
    return Case(
        name,
        rpc,
        fields,
        faults=faults,
        requests_at_discord=requests,
        result=frozenset({result} - {""}),
    )


def _once(kind: FaultKind, **how: Any) -> FaultSettings:
    return {"kind": kind, "count": 1, **how}


SURVIVING: Final = (
    _survives(
        "a message answered 502 once",
        "SendMessage",
        MESSAGE,
        _once(FaultKind.STATUS, status=502),
        requests=2,
        result="message_id",
    ),
    _survives(
        "a message whose reply is lost",
        "SendMessage",
        MESSAGE,
        _once(FaultKind.LOST_REPLY),
        requests=2,
        result="message_id",
    ),
    _survives(
        "a message whose reply is truncated",
        "SendMessage",
        MESSAGE,
        _once(FaultKind.LOST_REPLY, then=LostReply.TRUNCATED),
        requests=2,
        result="message_id",
    ),
    _survives(
        "a deletion whose reply is lost",
        "DeleteMessage",
        {"channel_id": "123", "message_id": "456"},
        _once(FaultKind.LOST_REPLY),
        requests=2,
    ),
    _survives("a kick whose reply is lost", "KickUser", TARGET, _once(FaultKind.LOST_REPLY), requests=2),
    _survives("a ban answered 500 once", "BanUser", TARGET, _once(FaultKind.STATUS, status=500), requests=2),
    _survives(
        "a timeout cut off", "TimeoutUser", {**TARGET, "duration_seconds": 60}, _once(FaultKind.LOST_REPLY), requests=2
    ),
    _survives(
        "a webhook message after a short 429",
        "SendWebhook",
        WEBHOOK_MESSAGE,
        _once(FaultKind.RATE_LIMITED, retry_after_seconds=0.1, scope=Scope.USER),
        requests=2,
    ),
    _survives(
        "a webhook message whose answer breaks off",
        "SendWebhook",
        WEBHOOK_MESSAGE,
        _once(FaultKind.TRUNCATED),
        requests=1,
    ),
    _survives(
        "a reaction after a shared 429",
        "AddReaction",
        REACTION,
        _once(FaultKind.RATE_LIMITED, retry_after_seconds=0.1, scope=Scope.SHARED),
        requests=2,
    ),
    _survives(
        "a slow message", "SendMessage", MESSAGE, _once(FaultKind.DRIP, seconds=0.3), requests=1, result="message_id"
    ),
)

CASES: Final = (*DELIVERED, *INVALID, *REJECTED, *DENIED, *FAILING, *SURVIVING)

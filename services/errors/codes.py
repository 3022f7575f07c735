"""The error table: one code, its statuses on both protocols, and what to mend."""

from dataclasses import dataclass
from enum import Enum, StrEnum


class OutcomeKind(StrEnum):
    """What became of an action."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the error table: statuses, a title, and what the reader can do about it."""

    http_status: int
    grpc_status: str
    title: str
    mend: str


class ErrorCode(Enum):
    """The error table. A member's name in lower case is the code callers see."""

    INVALID_ARGUMENT = Meaning(
        400, "INVALID_ARGUMENT", "The request is not valid", "Correct the fields named in the error."
    )
    UNAUTHENTICATED = Meaning(
        401,
        "UNAUTHENTICATED",
        "No valid token",
        "Send `Authorization: Bearer <JWT>` with a token that has not expired.",
    )
    PERMISSION_DENIED = Meaning(
        403, "PERMISSION_DENIED", "The token does not allow this", "Use a token with the scope or the guild named."
    )
    NOT_FOUND = Meaning(404, "NOT_FOUND", "There is no such thing here", "Check the path or the id.")
    METHOD_NOT_ALLOWED = Meaning(
        405, "UNIMPLEMENTED", "The method is not allowed here", "Use a method named in the Allow header."
    )
    PAYLOAD_TOO_LARGE = Meaning(413, "RESOURCE_EXHAUSTED", "The request is too large", "Send less in one request.")
    UNSUPPORTED_MEDIA_TYPE = Meaning(
        415, "INVALID_ARGUMENT", "The media type is not supported", "Send `Content-Type: application/json`."
    )
    IDEMPOTENCY_MISMATCH = Meaning(
        422,
        "FAILED_PRECONDITION",
        "The idempotency key belongs to another request",
        "Use a fresh key for every new request.",
    )
    IDEMPOTENCY_IN_PROGRESS = Meaning(
        409,
        "ABORTED",
        "The request with this idempotency key is still running",
        "Repeat with the same key a little later.",
    )
    RATE_LIMITED = Meaning(
        429,
        "RESOURCE_EXHAUSTED",
        "A rate limit leaves no room inside the deadline",
        "Wait for retry_after, or give a longer deadline.",
    )
    OVERLOADED = Meaning(
        503, "UNAVAILABLE", "Too many actions are waiting", "Wait for retry_after and send less at once."
    )
    DISCORD_UNKNOWN_CHANNEL = Meaning(
        404, "NOT_FOUND", "Discord knows no such channel", "Check channel_id, and that the bot is in its guild."
    )
    DISCORD_UNKNOWN_MESSAGE = Meaning(
        404, "NOT_FOUND", "Discord knows no such message", "Check message_id and channel_id; it may be deleted."
    )
    DISCORD_UNKNOWN_GUILD = Meaning(404, "NOT_FOUND", "Discord knows no such guild", "Check guild_id.")
    DISCORD_UNKNOWN_MEMBER = Meaning(
        404, "NOT_FOUND", "Discord knows no such member", "Check user_id; the user may have left the guild."
    )
    DISCORD_UNKNOWN_USER = Meaning(404, "NOT_FOUND", "Discord knows no such user", "Check user_id.")
    DISCORD_UNKNOWN_ROLE = Meaning(404, "NOT_FOUND", "Discord knows no such role", "Check role_id and guild_id.")
    DISCORD_UNKNOWN_WEBHOOK = Meaning(
        404,
        "NOT_FOUND",
        "Discord knows no such webhook",
        "The webhook was deleted, or its token is wrong: stop using it.",
    )
    DISCORD_UNKNOWN_EMOJI = Meaning(
        404, "NOT_FOUND", "Discord knows no such emoji", "Use an emoji of a guild the bot is in, or a Unicode one."
    )
    DISCORD_NOT_FOUND = Meaning(404, "NOT_FOUND", "Discord does not know what was named", "Check the ids.")
    DISCORD_MISSING_ACCESS = Meaning(
        403, "PERMISSION_DENIED", "The bot has no access", "Invite the bot, or let it see the channel."
    )
    DISCORD_MISSING_PERMISSIONS = Meaning(
        403,
        "PERMISSION_DENIED",
        "The bot lacks a permission",
        "Give the bot the permission in the guild; its highest role must stand above the target.",
    )
    DISCORD_BLOCKED_BY_USER = Meaning(
        403, "PERMISSION_DENIED", "The message's author has blocked the bot", "Nothing to mend on this side."
    )
    DISCORD_INVALID_FORM = Meaning(
        400, "INVALID_ARGUMENT", "Discord found the request invalid", "Correct what Discord names in the error."
    )
    DISCORD_PAYLOAD_TOO_LARGE = Meaning(413, "INVALID_ARGUMENT", "Discord found the request too large", "Send less.")
    DISCORD_ACTION_NOT_ALLOWED = Meaning(
        409,
        "FAILED_PRECONDITION",
        "Discord does not allow this here",
        "Edit the bot's own messages alone; system messages cannot be changed.",
    )
    DISCORD_WRONG_CHANNEL_TYPE = Meaning(
        409, "FAILED_PRECONDITION", "The channel is of the wrong type", "Choose a channel that takes messages."
    )
    DISCORD_CANNOT_MESSAGE_USER = Meaning(
        409, "FAILED_PRECONDITION", "The user takes no messages from the bot", "Nothing to mend on this side."
    )
    DISCORD_THREAD_ARCHIVED = Meaning(409, "FAILED_PRECONDITION", "The thread is archived", "Reopen the thread first.")
    DISCORD_THREAD_LOCKED = Meaning(409, "FAILED_PRECONDITION", "The thread is locked", "Unlock the thread first.")
    DISCORD_ALREADY_DONE = Meaning(409, "FAILED_PRECONDITION", "It was done already", "Nothing to do.")
    DISCORD_LIMIT_REACHED = Meaning(
        409,
        "FAILED_PRECONDITION",
        "A ceiling of Discord's is reached",
        "Remove something first (webhooks, reactions …).",
    )
    DISCORD_BLOCKED_BY_AUTOMOD = Meaning(
        409, "FAILED_PRECONDITION", "AutoMod blocked the content", "Change the text or the guild's AutoMod rules."
    )
    DISCORD_FORUM_RULES = Meaning(
        409, "FAILED_PRECONDITION", "A forum needs a thread", "Give the webhook URL a thread_id of an existing post."
    )
    DISCORD_USER_BANNED = Meaning(409, "FAILED_PRECONDITION", "The user is banned", "Lift the ban first.")
    DISCORD_GUILD_RESTRICTED = Meaning(
        409, "FAILED_PRECONDITION", "The guild may not do this", "Discord restricts the guild; see its settings."
    )
    DISCORD_BOT_NOT_ELIGIBLE = Meaning(
        409, "FAILED_PRECONDITION", "The bot may not do this", "Turn on 2FA for the bot's owner, or verify the account."
    )
    DISCORD_REJECTED = Meaning(
        409, "FAILED_PRECONDITION", "Discord refused the action", "See Discord's code and message in the error."
    )
    BOT_TOKEN_INVALID = Meaning(
        502, "FAILED_PRECONDITION", "Discord refuses the bot's token", "The operator must renew DISCORD_BOT_TOKEN."
    )
    DISCORD_UNAVAILABLE = Meaning(
        503, "UNAVAILABLE", "Discord cannot be reached or fails", "Repeat after retry_after; a repeat is safe."
    )
    OUTCOME_UNKNOWN = Meaning(
        504,
        "UNKNOWN",
        "It may have happened, and a repeat could do it twice",
        "Look at Discord before you send it again.",
    )
    DEADLINE_EXCEEDED = Meaning(
        504, "DEADLINE_EXCEEDED", "The deadline passed before anything was sent", "Repeat with a longer deadline."
    )
    AUDIT_UNAVAILABLE = Meaning(
        503, "UNAVAILABLE", "The action cannot be put on the record", "Repeat after retry_after; nothing was sent."
    )
    SHUTTING_DOWN = Meaning(
        503, "UNAVAILABLE", "This replica is stopping", "Repeat after retry_after; another replica will answer."
    )
    INTERNAL = Meaning(500, "INTERNAL", "Our own fault", "Report it with the request id.")

    @property
    def slug(self) -> str:
        """The code as callers see it."""
        return self.name.lower()

    @property
    def http_status(self) -> int:
        return self.value.http_status

    @property
    def grpc_status(self) -> str:
        """The name of the gRPC status, such as NOT_FOUND."""
        return self.value.grpc_status

    @property
    def title(self) -> str:
        return self.value.title

    @property
    def mend(self) -> str:
        return self.value.mend

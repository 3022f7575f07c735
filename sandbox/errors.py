"""Discord's JSON error codes with the message and HTTP status each arrives with.

The list of codes is public (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json); the
HTTP status beside a code is not documented and follows what clients report.
"""

from enum import IntEnum
from typing import Any


class JsonCode(IntEnum):
    """The `code` of an error body."""

    GENERAL = 0
    UNKNOWN_CHANNEL = 10003
    UNKNOWN_GUILD = 10004
    UNKNOWN_MEMBER = 10007
    UNKNOWN_MESSAGE = 10008
    UNKNOWN_ROLE = 10011
    UNKNOWN_USER = 10013
    UNKNOWN_EMOJI = 10014
    UNKNOWN_WEBHOOK = 10015
    UNKNOWN_BAN = 10026
    TOO_MANY_WEBHOOKS = 30007
    TOO_MANY_REACTIONS = 30010
    TOO_MANY_GUILD_WEBHOOKS = 30058
    REQUEST_TOO_LARGE = 40005
    NOT_IN_VOICE = 40032
    CLOUDFLARE_BLOCK = 40333
    MISSING_ACCESS = 50001
    DM_CHANNEL = 50003
    FOREIGN_MESSAGE = 50005
    EMPTY_MESSAGE = 50006
    CANNOT_DM_USER = 50007
    NON_TEXT_CHANNEL = 50008
    MISSING_PERMISSIONS = 50013
    SYSTEM_MESSAGE = 50021
    WRONG_CHANNEL_TYPE = 50024
    INVALID_WEBHOOK_TOKEN = 50027
    INVALID_ROLE = 50028
    INVALID_FORM = 50035
    INVALID_API_VERSION = 50041
    INVALID_STICKER = 50081
    THREAD_ARCHIVED = 50083
    INVALID_JSON = 50109
    REPLY_NEEDS_HISTORY = 160002
    THREAD_LOCKED = 160005
    TOO_MANY_THREADS = 160006
    FORUM_THREAD_MISSING = 220001
    FORUM_THREAD_TWICE = 220002
    FORUM_THREAD_ELSEWHERE = 220003


TABLE: dict[JsonCode, tuple[int, str]] = {
    JsonCode.UNKNOWN_CHANNEL: (404, "Unknown Channel"),
    JsonCode.UNKNOWN_GUILD: (404, "Unknown Guild"),
    JsonCode.UNKNOWN_MEMBER: (404, "Unknown Member"),
    JsonCode.UNKNOWN_MESSAGE: (404, "Unknown Message"),
    JsonCode.UNKNOWN_ROLE: (404, "Unknown Role"),
    JsonCode.UNKNOWN_USER: (404, "Unknown User"),
    JsonCode.UNKNOWN_EMOJI: (400, "Unknown Emoji"),
    JsonCode.UNKNOWN_WEBHOOK: (404, "Unknown Webhook"),
    JsonCode.UNKNOWN_BAN: (404, "Unknown Ban"),
    JsonCode.TOO_MANY_WEBHOOKS: (400, "Maximum number of webhooks reached (15)"),
    JsonCode.TOO_MANY_REACTIONS: (400, "Maximum number of reactions reached (20)"),
    JsonCode.TOO_MANY_GUILD_WEBHOOKS: (400, "Maximum number of webhooks per guild reached (1000)"),
    JsonCode.REQUEST_TOO_LARGE: (413, "Request entity too large"),
    JsonCode.NOT_IN_VOICE: (400, "Target user is not connected to voice."),
    JsonCode.CLOUDFLARE_BLOCK: (403, "internal network error"),
    JsonCode.MISSING_ACCESS: (403, "Missing Access"),
    JsonCode.DM_CHANNEL: (403, "Cannot execute action on a DM channel"),
    JsonCode.FOREIGN_MESSAGE: (403, "Cannot edit a message authored by another user"),
    JsonCode.EMPTY_MESSAGE: (400, "Cannot send an empty message"),
    JsonCode.CANNOT_DM_USER: (403, "Cannot send messages to this user"),
    JsonCode.NON_TEXT_CHANNEL: (400, "Cannot send messages in a non-text channel"),
    JsonCode.MISSING_PERMISSIONS: (403, "Missing Permissions"),
    JsonCode.SYSTEM_MESSAGE: (403, "Cannot execute action on a system message"),
    JsonCode.WRONG_CHANNEL_TYPE: (400, "Cannot execute action on this channel type"),
    JsonCode.INVALID_WEBHOOK_TOKEN: (401, "Invalid Webhook Token"),
    JsonCode.INVALID_ROLE: (400, "Invalid Role"),
    JsonCode.INVALID_FORM: (400, "Invalid Form Body"),
    JsonCode.INVALID_API_VERSION: (400, "Invalid API version provided"),
    JsonCode.INVALID_STICKER: (400, "Invalid sticker sent"),
    JsonCode.THREAD_ARCHIVED: (400, "Thread is archived"),
    JsonCode.INVALID_JSON: (400, "The request body contains invalid JSON."),
    JsonCode.REPLY_NEEDS_HISTORY: (403, "Cannot reply without permission to read message history"),
    JsonCode.THREAD_LOCKED: (403, "Thread is locked"),
    JsonCode.TOO_MANY_THREADS: (400, "Maximum number of active threads reached"),
    JsonCode.FORUM_THREAD_MISSING: (
        400,
        "Webhooks posted to forum channels must have a thread_name or thread_id",
    ),
    JsonCode.FORUM_THREAD_TWICE: (
        400,
        "Webhooks posted to forum channels cannot have both a thread_name and thread_id",
    ),
    JsonCode.FORUM_THREAD_ELSEWHERE: (400, "Webhooks can only create threads in forum channels"),
}


class DiscordError(Exception):
    """A refusal as Discord words it.

    Attributes: `status` (HTTP), `code` (JSON), `text` (its message), `errors` (the tree of a 50035, or None).
    """

    def __init__(self, status: int, code: int, text: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code} {text}")
        self.status = status
        self.code = code
        self.text = text
        self.errors = errors

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": self.text, "code": int(self.code)}
        return body if self.errors is None else body | {"errors": self.errors}


MAX_NOTED_VIOLATIONS = 20
MAX_NOTED_CHARACTERS = 300


def violations_of(payload: dict[str, Any]) -> list[str]:
    """The leaves of a 50035's tree, each as `place: CODE sentence`; the first of them, cut to a length."""
    found: list[str] = []
    waiting: list[tuple[str, Any]] = [("", payload.get("errors"))]
    while waiting and len(found) < MAX_NOTED_VIOLATIONS:
        place, node = waiting.pop()
        if not isinstance(node, dict):
            continue
        found.extend(
            f"{place or 'body'}: {leaf.get('code')} {leaf.get('message')}"[:MAX_NOTED_CHARACTERS]
            for leaf in node.get("_errors", ())
            if isinstance(leaf, dict)
        )
        below = [(f"{place}.{name}".lstrip("."), each) for name, each in node.items() if name != "_errors"]
        waiting.extend(reversed(below))
    return found[:MAX_NOTED_VIOLATIONS]


def refusal(code: JsonCode, errors: dict[str, Any] | None = None) -> DiscordError:
    """The error for one row of the table."""
    status, text = TABLE[code]
    return DiscordError(status, code, text, errors)


def bare_refusal(status: int, reason: str) -> DiscordError:
    """The errors without a code of their own: `404: Not Found`, `401: Unauthorized` ..."""
    return DiscordError(status, JsonCode.GENERAL, f"{status}: {reason}")

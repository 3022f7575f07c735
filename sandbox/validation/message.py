"""Bodies that make or change a message (https://discord.com/developers/docs/resources/message#create-message).

One reader for create, edit and webhook execute: they share most fields and differ in the set each knows.
"""

from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import JsonCode, refusal
from sandbox.mentions import AllowedMentions
from sandbox.validation.allowed_mentions import read_allowed_mentions
from sandbox.validation.embeds import read_embeds
from sandbox.validation.form import Form

MAX_CONTENT = 2000
MAX_NONCE = 25
MAX_COMPONENTS = 40
MAX_STICKERS = 3
MAX_ATTACHMENTS = 10
MAX_INT64 = 2**63 - 1
SUPPRESS_EMBEDS = 1 << 2
SETTABLE_FLAGS = SUPPRESS_EMBEDS | 1 << 12 | 1 << 13 | 1 << 15

SHARED_FIELDS = frozenset(["content", "embeds", "allowed_mentions", "components", "attachments", "flags"])
EDIT_FIELDS = SHARED_FIELDS | {"sticker_ids"}
CREATE_FIELDS = SHARED_FIELDS | {
    "tts",
    "nonce",
    "enforce_nonce",
    "message_reference",
    "sticker_ids",
    "poll",
    "shared_client_theme",
}
WEBHOOK_FIELDS = SHARED_FIELDS | {"tts", "username", "avatar_url", "thread_name", "applied_tags", "poll"}


@dataclass(slots=True)
class Draft:
    """A message as asked for. None: the body does not mention it (or says null)."""

    content: str | None = None
    embeds: list[dict[str, Any]] | None = None
    components: list[Any] | None = None
    allowed: AllowedMentions | None = None
    flags: int | None = None
    tts: bool = False
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reference: "Reference | None" = None
    has_other_content: bool = False
    given: frozenset[str] = field(default_factory=frozenset)

    def require_content(self) -> None:
        """Raises 50006 when there is nothing to see."""
        if not (self.content or self.embeds or self.components or self.has_other_content):
            raise refusal(JsonCode.EMPTY_MESSAGE)


@dataclass(frozen=True, slots=True)
class Reference:
    """The message replied to."""

    message_id: str
    channel_id: str | None
    fail_if_not_exists: bool


def read_draft(form: Form, known: frozenset[str]) -> Draft:
    """The draft in a body; faults are left in `form.violations` for the caller to raise with its own."""
    form.note_unknown(known)
    form.note_unchecked("components", "attachments", "poll", "shared_client_theme", "applied_tags")
    form.items("attachments", MAX_ATTACHMENTS)
    stickers = form.snowflakes("sticker_ids", MAX_STICKERS)
    return Draft(
        content=form.text("content", MAX_CONTENT),
        embeds=read_embeds(form),
        components=form.items("components", MAX_COMPONENTS),
        allowed=read_allowed_mentions(form),
        flags=_flags(form),
        tts=bool(form.boolean("tts")),
        nonce=_nonce(form) if "nonce" in known else None,
        enforce_nonce="enforce_nonce" in known and bool(form.boolean("enforce_nonce")),
        reference=_reference(form) if "message_reference" in known else None,
        has_other_content=bool(stickers or form.fields.get("poll")),
        given=frozenset(form.fields),
    )


def _flags(form: Form) -> int | None:
    flags = form.integer("flags", 0, MAX_INT64)
    if flags is not None and flags & ~SETTABLE_FLAGS:
        form.problems.append(f"flags {flags} has bits that bots cannot set")
    return flags


def _nonce(form: Form) -> str | int | None:
    nonce = form.fields.get("nonce")
    if isinstance(nonce, bool) or not isinstance(nonce, (str, int, type(None))):
        form.refuse("nonce", "UNION_TYPE_CHOICES", "Could not interpret nonce as string or integer.")
        return None
    if isinstance(nonce, str) and len(nonce) > MAX_NONCE:
        form.refuse("nonce", "NONCE_TYPE_TOO_LONG", f"Must be {MAX_NONCE} or fewer characters long.")
    if isinstance(nonce, int) and not -MAX_INT64 <= nonce <= MAX_INT64:
        form.refuse("nonce", "NUMBER_TYPE_MAX", "int value should be a 64 bit integer.")
    return nonce


def _reference(form: Form) -> Reference | None:
    reference = form.form("message_reference")
    if reference is None:
        return None
    reference.note_unknown({"type", "message_id", "channel_id", "guild_id", "fail_if_not_exists"})
    reference.require("message_id")
    message_id = reference.snowflake("message_id")
    if reference.integer("type", 0, 0):
        return None
    must_exist = reference.boolean("fail_if_not_exists")
    return Reference(message_id or "", reference.snowflake("channel_id"), must_exist is not False)

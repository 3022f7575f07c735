"""Bodies about members: bans, timeouts, nicknames, roles (https://discord.com/developers/docs/resources/guild)."""

from datetime import UTC, datetime, timedelta

from sandbox.validation.form import Form

MAX_BAN_DELETE_SECONDS = 604_800
MAX_BAN_DELETE_DAYS = 7
SECONDS_PER_DAY = 86_400
MAX_TIMEOUT = timedelta(days=28)
MAX_NICK = 32
MAX_MEMBER_ROLES = 350
BAN_QUERY_TRAPS = ("delete_message_days", "delete-message-days", "delete_message_seconds", "reason")
MEMBER_FIELDS = frozenset(["nick", "roles", "mute", "deaf", "channel_id", "communication_disabled_until", "flags"])


def read_ban(form: Form) -> int:
    """Seconds of messages to delete with a ban."""
    form.note_unknown({"delete_message_seconds", "delete_message_days"})
    days = form.integer("delete_message_days", 0, MAX_BAN_DELETE_DAYS)
    if form.has("delete_message_days"):
        form.problems.append("delete_message_days is deprecated: send delete_message_seconds")
    seconds = form.integer("delete_message_seconds", 0, MAX_BAN_DELETE_SECONDS)
    form.violations.raise_if_any()
    return seconds if seconds is not None else (days or 0) * SECONDS_PER_DAY


def read_timeout(form: Form, now: float, margin_seconds: float) -> datetime | None:
    """End of a timeout; at most 28 days ahead.

    Exactly 28 days is refused in practice (https://github.com/discordjs/discord.js/issues/11119), so the last
    `margin_seconds` before it are refused here.
    """
    name = "communication_disabled_until"
    until = form.timestamp(name, needs_zone=True)
    if until is None:
        return None
    latest = datetime.fromtimestamp(now, UTC) + MAX_TIMEOUT - timedelta(seconds=margin_seconds)
    if until > latest:
        form.refuse(
            name,
            "INVALID_COMMUNICATION_DISABLED_TIMESTAMP",
            "Communication disabled until must be within 28 days.",
        )
    return until

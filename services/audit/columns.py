"""The columns of `discord_actions`, and how a value is made to fit one.

Values come from callers and from Discord, so they may hold what a database cannot store. They are made storable here,
in one place and before they are sent, because one bad value would otherwise cost the batch it travels in: NUL and lone
surrogates become U+FFFD, texts are cut to their column. Filters are made storable the same way, so they still find
what was stored.
"""

import re
from datetime import UTC, datetime
from typing import Final

LONGEST: Final = {
    "action_type": 50,
    "guild_id": 50,
    "channel_id": 50,
    "user_id": 50,
    "action_id": 36,
    "client_id": 255,
    "protocol": 8,
    "request_id": 128,
    "idempotency_key": 255,
    "outcome": 16,
    "error_code": 64,
}
"""Characters a VARCHAR column holds."""

COLUMNS: Final = (
    ("action_id", "VARCHAR(36)"),
    ("action_type", "VARCHAR(50)"),
    ("created_at", "TIMESTAMP"),
    ("client_id", "VARCHAR(255)"),
    ("protocol", "VARCHAR(8)"),
    ("request_id", "VARCHAR(128)"),
    ("idempotency_key", "VARCHAR(255)"),
    ("guild_id", "VARCHAR(50)"),
    ("channel_id", "VARCHAR(50)"),
    ("user_id", "VARCHAR(50)"),
    ("request_data", "JSONB"),
    ("outcome", "VARCHAR(16)"),
    ("success", "BOOLEAN"),
    ("error_code", "VARCHAR(64)"),
    ("error_message", "TEXT"),
    ("discord_status", "INTEGER"),
    ("attempts", "INTEGER"),
    ("duration_ms", "INTEGER"),
    ("response_data", "JSONB"),
)
"""What we write, and its type on PostgreSQL."""

LARGEST_INTEGER: Final = 2**31 - 1

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for what a database cannot hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def fitting(column: str, text: str | None) -> str | None:
    """The text as it stands in that column."""
    return None if text is None else storable(text[: LONGEST[column]])


def time_text(time: datetime) -> str:
    """A time as both databases take it and as SQLite sorts it: UTC, microseconds, no zone. A naive time is UTC."""
    if time.tzinfo is not None:
        time = (time if time.tzinfo is UTC else time.astimezone(UTC)).replace(tzinfo=None)
    return time.isoformat(sep=" ", timespec="microseconds")


def time_of(stored: datetime | str) -> datetime:
    """A stored time, in UTC."""
    time = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)

"""The record: an `AuditEntry` and its `Verdict` are one row; reading it back is a port of its own."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.errors import OutcomeKind
from services.ports.discord import Json


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is known of an action when it is accepted. `created_at` is in UTC; `request_data` holds no secret."""

    action_id: str
    action_type: str
    created_at: datetime
    client_id: str
    protocol: str
    request_id: str
    idempotency_key: str | None
    guild_id: str | None
    channel_id: str | None
    user_id: str | None
    request_data: Json


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an action ended. `response_data` holds no secret."""

    outcome: OutcomeKind
    error_code: str | None = None
    error_message: str | None = None
    discord_status: int | None = None
    attempts: int = 0
    duration_ms: int = 0
    response_data: Json | None = None

    @property
    def success(self) -> bool:
        return self.outcome is OutcomeKind.DELIVERED


class AuditLog(Protocol):
    """The record of every action. An entry that was begun is always ended, by us or by whoever reads the journal."""

    async def begin(self, entry: AuditEntry) -> None:
        """Puts the intent on the record. Raises AuditUnavailable; then nothing may be sent."""
        ...

    async def attempt(self, entry: AuditEntry) -> None:
        """Puts on record that bytes are about to leave. Raises AuditUnavailable; then they may not."""
        ...

    async def end(self, entry: AuditEntry, verdict: Verdict) -> None:
        """Puts the outcome on the record. Never raises: the answer must not be lost over its record."""
        ...


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One row of the record as it is read back. Ids and times as in the table; `created_at` in UTC."""

    id: int
    action_id: str
    action_type: str
    guild_id: str | None
    channel_id: str | None
    user_id: str | None
    success: bool
    error_message: str | None
    request_data: Json | None
    response_data: Json | None
    created_at: datetime
    client_id: str | None
    protocol: str | None
    request_id: str | None
    idempotency_key: str | None
    outcome: str | None
    error_code: str | None
    discord_status: int | None
    attempts: int | None
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a reader may look: rows of these guilds, and rows that name no guild of these channels.

    The same rule as for acting: each list narrows by itself. `guilds` None is every guild. With `channels` a row that
    names a channel must name one of them; None is every channel of the guilds, and no row without a guild.
    """

    guilds: frozenset[str] | None = None
    channels: frozenset[str] | None = None

    def include(self, guild_id: str | None, channel_id: str | None) -> bool:
        """Whether a row of this guild and channel may be seen."""
        if guild_id is None:
            return self.channels is not None and channel_id in self.channels
        is_in_guild = self.guilds is None or guild_id in self.guilds
        return is_in_guild and (self.channels is None or channel_id is None or channel_id in self.channels)


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which rows to read; None means any. `since` is inclusive, `until` exclusive, both in UTC."""

    action_type: str | None = None
    guild_id: str | None = None
    channel_id: str | None = None
    user_id: str | None = None
    client_id: str | None = None
    success: bool | None = None
    outcome: str | None = None
    error_code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    places: Places | None = None


@dataclass(frozen=True, slots=True)
class ActionPage:
    """Rows, newest first, and the opaque cursor of the next page (None at the end)."""

    rows: tuple[ActionRow, ...]
    next_cursor: str | None


class AuditQuery(Protocol):
    """Reading the record."""

    async def page(self, wanted: ActionFilter, limit: int, cursor: str | None) -> ActionPage:
        """Raises InvalidArgument for a foreign cursor, AuditUnavailable when the table cannot be read in time."""
        ...

    async def one(self, action_id: str) -> ActionRow | None:
        """The row of an action. Raises AuditUnavailable when the table cannot be read in time."""
        ...

    def export(self, wanted: ActionFilter) -> AsyncGenerator[bytes]:
        """The rows there are when it begins, oldest first, as lines of JSON in chunks of whole lines.

        Nothing is held between two chunks. Raises AuditUnavailable, at any chunk, when the table cannot be read in
        time: what came before it is true, but not all.
        """
        ...

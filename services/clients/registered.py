"""A registered caller as it is read from the table, and what it may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from services.ports import Caller, Scope

DEFAULT_SCOPES: Final = frozenset({Scope.MESSAGES, Scope.REACTIONS, Scope.ROLES, Scope.WEBHOOKS_SEND, Scope.MODERATION})
"""What a client may do unless its operator says otherwise: act, but not make webhooks, ping everyone, or read."""

COLUMNS: Final = (
    "id, client_id, scopes, created_at, revoked_at, guilds, channels, roles, quota_per_minute, expires_at,"
    " previous_secret_until"
)
"""The columns `RegisteredClient.of` reads. None of them is a secret or changes with use."""


@dataclass(frozen=True, slots=True)
class ClientBounds:
    """What narrows a client down beside its scopes; None narrows nothing, an empty list leaves nothing.

    `quota_per_minute` counts actions. From `expires_at` (UTC) on neither its secret nor its tokens are good.
    """

    guilds: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    quota_per_minute: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A registered caller. Times are in UTC; `revoked_at` is None while it is let in.

    `registration` tells it from an earlier client of the same name. `older_secret_until` is when the secret before
    the last rotation ends.
    """

    registration: int
    client_id: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None
    bounds: ClientBounds = ClientBounds()
    older_secret_until: datetime | None = None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From the values of `COLUMNS`."""
        number, client_id, scopes, created_at, revoked_at, guilds, channels, roles, quota, expires_at, until = row
        bounds = ClientBounds(words(guilds), words(channels), words(roles), quota, moment(expires_at))
        created = moment(created_at)
        assert created is not None  # noqa: S101 -- the column is NOT NULL
        return cls(number, client_id, frozenset(scopes.split()), created, moment(revoked_at), bounds, moment(until))

    def is_live(self, now: datetime) -> bool:
        """Whether it is let in at `now`: neither revoked nor expired."""
        expires_at = self.bounds.expires_at
        return self.revoked_at is None and (expires_at is None or now < expires_at)

    @property
    def caller(self) -> Caller:
        """All it may do."""
        bounds = self.bounds
        return Caller(
            self.client_id, self.scopes, bounds.guilds, bounds.channels, bounds.roles, bounds.quota_per_minute
        )


def words(text: str | None) -> frozenset[str] | None:
    """The list a column holds; NULL is no list."""
    return None if text is None else frozenset(text.split())


def stored(time: datetime) -> str:
    """A time as text that both databases read; `moment` reads it back."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def moment(value: datetime | str | None) -> datetime | None:
    """A time of the table's: PostgreSQL gives it as a time, SQLite as text; both mean UTC."""
    if value is None:
        return None
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return read.replace(tzinfo=UTC)

"""The table of registered callers.

A client's name is its `client_id`: what the operator registers is what the caller sends and what the record shows.
A revoked client stays in the table, so that a name on the record can still be looked up; registering the name again
gives it a new secret.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast

from pydal import DAL, Field
from pydal.objects import Table

from services.clients.secrets import NO_HASH, hash_of, is_secret_of, new_secret
from services.database import DatabaseFailure, DatabaseThread, Session, ValuesRefused
from services.errors import AuditUnavailable
from services.ports import Scope

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")

DEFAULT_SCOPES: Final = frozenset({Scope.MESSAGES, Scope.REACTIONS, Scope.ROLES, Scope.WEBHOOKS_SEND, Scope.MODERATION})
"""What a client may do unless its operator says otherwise: act, but not make webhooks, ping everyone, or read."""

DATABASE_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS: Final = 2.0


class ClientExists(Exception):
    """The name is taken by a client that is not revoked."""


class UnknownClient(Exception):
    """There is no such client, or it is revoked already."""


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A registered caller. Times are in UTC; `revoked_at` is None while its secret is good."""

    client_id: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None


class ClientRegistry:
    """Registered callers, read on the reader's thread or read and changed on the writer's."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread

    async def verify(self, client_id: str, secret: str) -> RegisteredClient | None:
        """The client whose secret this is; None for a wrong secret, an unknown client and a revoked one alike.

        Raises AuditUnavailable when the table cannot be read in time.
        """
        try:
            return await self._run(partial(_verify, client_id=client_id, secret=secret))
        except DatabaseFailure as exc:
            raise AuditUnavailable(
                "The registered clients cannot be read now.", retry_after_seconds=RETRY_AFTER_SECONDS
            ) from exc

    async def add(self, name: str, scopes: Iterable[Scope] = DEFAULT_SCOPES) -> tuple[str, str]:
        """Registers a client and gives its id and its secret, which cannot be read again.

        Raises ValueError for a name that does not match NAME, ClientExists, DatabaseUnavailable.
        """
        if not NAME.fullmatch(name):
            raise ValueError("a client's name is 1 to 64 letters, digits, underscores, dots and hyphens")
        secret = new_secret()
        text = " ".join(sorted(Scope(scope).value for scope in scopes))
        try:
            await self._run(partial(_add, name=name, secret_hash=hash_of(secret), scopes=text))
        except ValuesRefused:  # somebody else registered the name at the same moment
            raise ClientExists(name) from None
        return name, secret

    async def list(self) -> tuple[RegisteredClient, ...]:
        """Every client, by name, revoked ones too. Raises DatabaseUnavailable."""
        return await self._run(_list)

    async def revoke(self, name: str) -> None:
        """Takes the client's secret out of use; tokens it holds run out. Raises UnknownClient, DatabaseUnavailable."""
        await self._run(partial(_revoke, name=name))

    async def _run[T](self, work: Callable[[Session], T]) -> T:
        return await self._thread.run(work, DATABASE_SECONDS)


# ── on the thread ──


def _verify(session: Session, client_id: str, secret: str) -> RegisteredClient | None:
    # A text no client could be named is looked up all the same, as a name nobody has.
    row = _find(session.dal, client_id if NAME.fullmatch(client_id) else "")
    is_live = row is not None and row.revoked_at is None
    is_right = is_secret_of(row.secret_hash if row is not None else NO_HASH, secret)
    return _client(row) if is_live and is_right else None


def _add(session: Session, name: str, secret_hash: str, scopes: str) -> None:
    table = _table(session.dal)
    row = _find(session.dal, name)
    if row is not None and row.revoked_at is None:
        raise ClientExists(name)
    if row is not None:
        session.dal(table.client_id == name).delete()
    table.insert(client_id=name, secret_hash=secret_hash, scopes=scopes, created_at=_now())


def _list(session: Session) -> tuple[RegisteredClient, ...]:
    table = _table(session.dal)
    return tuple(_client(row) for row in session.dal(table.id > 0).select(orderby=table.client_id))


def _revoke(session: Session, name: str) -> None:
    table = _table(session.dal)
    revoked = (table.client_id == name) & (table.revoked_at == None)  # noqa: E711 -- PyDAL's way to write IS NULL
    if not NAME.fullmatch(name) or not session.dal(revoked).update(revoked_at=_now()):
        raise UnknownClient(name)


def _find(dal: DAL, name: str) -> Any:
    return dal(_table(dal).client_id == name).select(limitby=(0, 1)).first()


def _client(row: Any) -> RegisteredClient:
    revoked_at = row.revoked_at.replace(tzinfo=UTC) if row.revoked_at else None
    return RegisteredClient(
        row.client_id, frozenset(row.scopes.split()), row.created_at.replace(tzinfo=UTC), revoked_at
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def _table(dal: DAL) -> Table:
    if "discord_clients" in dal.tables:
        return cast("Table", dal["discord_clients"])
    return cast(
        "Table",
        dal.define_table(
            "discord_clients",
            Field("client_id", "string", length=64),
            Field("secret_hash", "string", length=255),
            Field("scopes", "text"),
            Field("created_at", "datetime"),
            Field("revoked_at", "datetime"),
        ),
    )

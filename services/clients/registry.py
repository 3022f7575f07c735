"""The table of registered callers.

A client's name is its `client_id`: what the operator registers is what the caller sends and what the record shows.
A revoked client stays in the table, so that a name on the record can still be looked up; registering the name again
makes another client, with a secret of its own, to which no token of the first belongs.

While a secret is rotated two are good: the new one, and the older one until an end that the operator sets. Whether a
secret is right is found out with the same work for a known and an unknown name, for one secret and for two.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from services.clients.registered import COLUMNS, DEFAULT_SCOPES, ClientBounds, RegisteredClient, moment, stored
from services.clients.secrets import NO_HASH, hash_of, is_secret_of, new_secret
from services.database import DatabaseFailure, DatabaseThread, Session, Urgency, ValuesRefused
from services.errors import AuditUnavailable
from services.ports import Scope

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MOST_CLIENTS: Final = 10_000
"""Every replica holds all of them in memory (`roster`)."""

DATABASE_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS: Final = 2.0


class ClientExists(Exception):
    """The name is taken by a client that is not revoked."""


class UnknownClient(Exception):
    """There is no such client, or it is revoked already."""


class TooManyClients(Exception):
    """The table holds as many clients as replicas keep in memory."""


@dataclass(frozen=True, slots=True)
class ListedClient:
    """A client as operators see it. `last_used_at` is None for one that never came, and good to a minute."""

    client: RegisteredClient
    last_used_at: datetime | None


class ClientRegistry:
    """Registered callers, read on the reader's thread or read and changed on the writer's.

    Every call goes to the database. What decides on each request asks `ClientRoster`, which holds them in memory.
    """

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread

    async def verify(self, client_id: str, secret: str) -> RegisteredClient | None:
        """The client whose secret this is; None for a wrong secret, an unknown, a revoked and an expired client alike.

        Raises AuditUnavailable when the table cannot be read in time.
        """
        return await self._read(partial(_verify, client_id=client_id, secret=secret))

    async def find(self, client_id: str) -> RegisteredClient | None:
        """The client of this name, a revoked or expired one too (`is_live` tells); None when there is none.

        Raises AuditUnavailable when the table cannot be read in time.
        """
        return await self._read(partial(_find, client_id=client_id))

    async def add(
        self, name: str, scopes: Iterable[Scope] = DEFAULT_SCOPES, bounds: ClientBounds | None = None
    ) -> tuple[str, str]:
        """Registers a client and gives its id and its secret, which cannot be read again.

        Raises ValueError for a name that does not match NAME, ClientExists, TooManyClients, DatabaseUnavailable.
        """
        if not NAME.fullmatch(name):
            raise ValueError("a client's name is 1 to 64 letters, digits, underscores, dots and hyphens")
        secret = new_secret()
        text = " ".join(sorted(Scope(scope).value for scope in scopes))
        work = partial(_add, name=name, secret_hash=hash_of(secret), scopes=text, bounds=bounds or ClientBounds())
        try:
            await self._run(work)
        except ValuesRefused:  # somebody else registered the name at the same moment
            raise ClientExists(name) from None
        return name, secret

    async def rotate(self, name: str, overlap: timedelta) -> str:
        """Gives the client a new secret. The one it had stays good for `overlap`; one before that ends now.

        Raises UnknownClient, DatabaseUnavailable.
        """
        secret = new_secret()
        await self._run(partial(_rotate, name=name, secret_hash=hash_of(secret), overlap=overlap))
        return secret

    async def list(self) -> tuple[ListedClient, ...]:
        """Every client, by name, revoked ones too. Raises DatabaseUnavailable."""
        return await self._run(_list)

    async def revoke(self, name: str) -> None:
        """Takes the client's secrets out of use, and within seconds its tokens. Raises UnknownClient,
        DatabaseUnavailable.
        """
        await self._run(partial(_revoke, name=name))

    async def _read[T](self, work: Callable[[Session], T]) -> T:
        try:
            return await self._thread.run(work, DATABASE_SECONDS, Urgency.LETTING_IN)
        except DatabaseFailure as exc:
            raise AuditUnavailable(
                "The registered clients cannot be read now.", retry_after_seconds=RETRY_AFTER_SECONDS
            ) from exc

    async def _run[T](self, work: Callable[[Session], T]) -> T:
        return await self._thread.run(work, DATABASE_SECONDS)


# ── on the thread ──


def _verify(session: Session, client_id: str, secret: str) -> RegisteredClient | None:
    # A text no client could be named is looked up all the same, as a name nobody has.
    name = client_id if NAME.fullmatch(client_id) else ""
    rows = session.rows(f"{_SELECT}, secret_hash, previous_secret_hash {_BY_NAME}", (name,))
    *row, latest, older = rows[0] if rows else (None, None)
    now = datetime.now(UTC)
    client = RegisteredClient.of(row) if row else None
    if client is None or client.older_secret_until is None or now >= client.older_secret_until:
        older = None
    is_right = [is_secret_of(stored or NO_HASH, secret) for stored in (latest, older)]
    return client if client is not None and any(is_right) and client.is_live(now) else None


def _find(session: Session, client_id: str) -> RegisteredClient | None:
    rows = session.rows(f"{_SELECT} {_BY_NAME}", (client_id,)) if NAME.fullmatch(client_id) else []
    return RegisteredClient.of(rows[0]) if rows else None


def _add(session: Session, name: str, secret_hash: str, scopes: str, bounds: ClientBounds) -> None:
    known = _find(session, name)
    if known is not None and known.revoked_at is None:
        raise ClientExists(name)
    if session.rows("SELECT count(*) FROM discord_clients")[0][0] >= MOST_CLIENTS:
        raise TooManyClients(f"at most {MOST_CLIENTS} clients can be registered, revoked ones included")
    session.execute("DELETE FROM discord_clients WHERE client_id = %s", (name,))
    lists = (_text(bounds.guilds), _text(bounds.channels), _text(bounds.roles))
    expires_at = stored(bounds.expires_at) if bounds.expires_at else None
    session.execute(
        "INSERT INTO discord_clients"
        " (client_id, secret_hash, scopes, created_at, guilds, channels, roles, quota_per_minute, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (name, secret_hash, scopes, stored(_now()), *lists, bounds.quota_per_minute, expires_at),
    )


def _rotate(session: Session, name: str, secret_hash: str, overlap: timedelta) -> None:
    until = _now() + overlap
    _change_live(
        session,
        name,
        "previous_secret_hash = secret_hash, previous_secret_until = %s, secret_hash = %s",
        stored(until),
        secret_hash,
    )


def _list(session: Session) -> tuple[ListedClient, ...]:
    rows = session.rows(f"{_SELECT}, last_used_at FROM discord_clients ORDER BY client_id")
    return tuple(ListedClient(RegisteredClient.of(row[:-1]), moment(row[-1])) for row in rows)


def _revoke(session: Session, name: str) -> None:
    _change_live(session, name, "revoked_at = %s", stored(_now()))


def _change_live(session: Session, name: str, changes: str, *values: object) -> None:
    """Changes a client that is not revoked. Raises UnknownClient."""
    sql = f"UPDATE discord_clients SET {changes} WHERE client_id = %s AND revoked_at IS NULL RETURNING id"  # noqa: S608 -- no value of a caller's  # nosec B608
    if not NAME.fullmatch(name) or not session.rows(sql, (*values, name)):
        raise UnknownClient(name)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _text(ids: frozenset[str] | None) -> str | None:
    return None if ids is None else " ".join(sorted(ids, key=int))


_SELECT: Final = f"SELECT {COLUMNS}"
_BY_NAME: Final = "FROM discord_clients WHERE client_id = %s"

"""Registered clients as an operator sees them: for people and as JSON. Never a secret, nor its hash."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from services.clients.registered import ClientBounds, RegisteredClient
from services.clients.registry import ListedClient


def described(listed: ListedClient) -> dict[str, object]:
    """A client for JSON; times as in ISO 8601, null for what is not limited or never was."""
    client, bounds = listed.client, listed.client.bounds
    return {
        "client_id": client.client_id,
        "state": state_of(client),
        "scopes": sorted(client.scopes),
        "guilds": _sorted(bounds.guilds),
        "channels": _sorted(bounds.channels),
        "roles": _sorted(bounds.roles),
        "quota_per_minute": bounds.quota_per_minute,
        "created_at": _iso(client.created_at),
        "expires_at": _iso(bounds.expires_at),
        "revoked_at": _iso(client.revoked_at),
        "older_secret_until": _iso(client.older_secret_until),
        "last_used_at": _iso(listed.last_used_at),
    }


def table(clients: Sequence[ListedClient]) -> str:
    """Lines for a person."""
    if not clients:
        return "No client is registered. Register one with: python app.py clients add NAME\n"
    head = f"{'client':<32} {'state':<8} {'registered':<10}  {'last used':<16}  {'expires':<16}  may\n"
    return head + "".join(_line(listed) for listed in clients)


def state_of(client: RegisteredClient) -> str:
    """`live`, `expired` or `revoked`."""
    if client.revoked_at is not None:
        return "revoked"
    return "live" if client.is_live(datetime.now(UTC)) else "expired"


def _line(listed: ListedClient) -> str:
    client = listed.client
    times = f"{client.created_at:%Y-%m-%d}  {minute(listed.last_used_at):<16}  {minute(client.bounds.expires_at):<16}"
    may = "; ".join((*rights(client.scopes, client.bounds), *_older_secret(client)))
    return f"{client.client_id:<32} {state_of(client):<8} {times}  {may}\n"


def rights(scopes: Iterable[str], bounds: ClientBounds) -> Iterator[str]:
    """What a client may do, piece by piece."""
    yield " ".join(sorted(scopes))
    for name, ids in (("guilds", bounds.guilds), ("channels", bounds.channels), ("roles", bounds.roles)):
        if ids is not None:
            yield f"{name} {' '.join(_sorted(ids) or ['none'])}"
    if bounds.quota_per_minute is not None:
        yield f"{bounds.quota_per_minute} a minute"


def _older_secret(client: RegisteredClient) -> Iterator[str]:
    if client.older_secret_until is not None and client.older_secret_until > datetime.now(UTC):
        yield f"older secret until {minute(client.older_secret_until)}"


def _sorted(ids: frozenset[str] | None) -> list[str] | None:
    return None if ids is None else sorted(ids, key=int)


def minute(time: datetime | None) -> str:
    """A time in UTC for a person."""
    return "never" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()

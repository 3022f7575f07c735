"""Tokens for whoever holds the key anyway: an operator at this machine, who mints one for a service of the platform."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from config import AuthSettings
from services.auth.keys import SigningKeys
from services.ports import Scope

OPERATOR: Final = "operator"
LIFETIME: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is to allow, and to whom. `scopes` None is everything; of the lists None is no restriction."""

    subject: str
    scopes: Collection[Scope] | None
    guilds: Collection[str] | None = None
    channels: Collection[str] | None = None
    roles: Collection[str] | None = None


def mint(settings: AuthSettings, grant: Grant, lifetime: timedelta) -> str:
    """A token that allows what is granted, for as long as said."""
    issued = int(datetime.now(UTC).timestamp())
    scope = None if grant.scopes is None else " ".join(sorted(grant.scopes))
    lists = {"guilds": grant.guilds, "channels": grant.channels, "roles": grant.roles}
    optional = {"scope": scope, **{name: sorted(ids) for name, ids in lists.items() if ids is not None}}
    claims = {"client_id": grant.subject, "iat": issued, "exp": issued + int(lifetime.total_seconds())}
    return SigningKeys(settings).sign(claims | {name: value for name, value in optional.items() if value is not None})


def operator_token(settings: AuthSettings, scope: Scope) -> str:
    """A token that is good for one scope and a minute."""
    return mint(settings, Grant(OPERATOR, (scope,)), LIFETIME)

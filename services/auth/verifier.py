"""From a bearer token to its caller.

The signature is checked against our own keys with one algorithm, the claims by the rules of `claims`, and the caller
against the registered clients. A token that was verified once is remembered by its hash until it expires: verifying
costs more than the rest of our own work together. What is remembered is bounded, and holds no token.

Whoever signed it, a token whose caller bears the name of a registered client stands under that registration. It is good
while the registration is: not when it is revoked or has expired, and not when the token was issued under an earlier
one of the same name (`reg`). It allows what both it and the registration allow. So no key holder's token can be used
to act in the name of a client that was shut out, and an unscoped one in its name allows no more than the client may.
A name nobody registered, the router's for one, is bound by its token alone.
"""

from collections import OrderedDict
from dataclasses import replace
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from config import AuthSettings
from services.auth.claims import ClaimReader, Claims
from services.auth.keys import SigningKeys
from services.clients import RegisteredClient
from services.errors import AuditUnavailable, AuthFailure, Unauthenticated
from services.ports import Caller, Clock
from services.telemetry import name_caller

MOST_REMEMBERED: Final = 4096
LONGEST_TOKEN: Final = 8192
RETRY_AFTER_SECONDS: Final = 2.0


class Registrations(Protocol):
    """The registered clients; `ClientRoster` holds them."""

    def find(self, client_id: str) -> RegisteredClient | None: ...

    def note_use(self, client: RegisteredClient) -> None: ...

    async def refresh(self) -> bool:
        """Reads them anew; whether they could be read."""
        ...


class Nobody:
    """No client is registered."""

    def find(self, client_id: str) -> RegisteredClient | None:
        return None

    def note_use(self, client: RegisteredClient) -> None: ...

    async def refresh(self) -> bool:
        return True


class _Remembered(NamedTuple):
    caller: Caller
    expires: float
    client: RegisteredClient | None


class TokenVerifier:
    """Verifies tokens signed with the module's key or its predecessor. Fulfils `services.ports.Authenticator`."""

    def __init__(self, settings: AuthSettings, clock: Clock, clients: Registrations | None = None) -> None:
        self._keys = SigningKeys(settings)
        self._claims = ClaimReader(settings)
        self._clock = clock
        self._clients = clients or Nobody()
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def authenticate(self, token: str | None) -> Caller:
        """The caller of `token`. Raises Unauthenticated; AuditUnavailable when its client is too new to be known here
        and the table of clients cannot be read.
        """
        if not token:
            raise Unauthenticated("A bearer token is required.", reason=AuthFailure.MISSING)
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise Unauthenticated("The token is not valid.")
        digest = sha256(token.encode()).digest()
        known = self._recall(digest) or await self._verify(token, digest)
        if known.client is not None:
            self._clients.note_use(known.client)
        name_caller(known.caller.client_id)
        return known.caller

    def _recall(self, digest: bytes) -> _Remembered | None:
        """What was found out before, unless the token has expired since or its client changed."""
        known = self._remembered.get(digest)
        if known is None:
            return None
        is_same = self._clients.find(known.caller.client_id) is known.client
        if is_same and self._clock.now().timestamp() < known.expires:
            self._remembered.move_to_end(digest)
            return known
        del self._remembered[digest]
        return None

    async def _verify(self, token: str, digest: bytes) -> _Remembered:
        claims = self._claims.read(self._keys.open(token), self._clock.now().timestamp())
        known = self._under_registration(claims, await self._client_of(claims))
        self._remembered[digest] = known
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return known

    async def _client_of(self, claims: Claims) -> RegisteredClient | None:
        """The client of the caller's name. One that was registered a moment ago is looked for in the table."""
        client = self._clients.find(claims.caller.client_id)
        issued_under = claims.registration
        if issued_under is None or (client is not None and client.registration >= issued_under):
            return client
        if not await self._clients.refresh():
            raise AuditUnavailable(
                "The registered clients cannot be read now.", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        return self._clients.find(claims.caller.client_id)

    def _under_registration(self, claims: Claims, client: RegisteredClient | None) -> _Remembered:
        is_issued = claims.registration is not None
        if client is None and not is_issued:
            return _Remembered(claims.caller, claims.expires, None)
        is_good = client is not None and client.is_live(self._clock.now())
        if client is None or not is_good or claims.registration not in {None, client.registration}:
            raise Unauthenticated("The token's client is revoked or has expired.", reason=AuthFailure.REVOKED)
        ends_at = client.bounds.expires_at
        expires = min(claims.expires, ends_at.timestamp()) if ends_at else claims.expires
        return _Remembered(narrowed(claims.caller, client.caller), expires, client)


def narrowed(caller: Caller, client: Caller) -> Caller:
    """What both allow."""
    return replace(
        client,
        scopes=_both(caller.scopes, client.scopes),
        guilds=_both(caller.guilds, client.guilds),
        channels=_both(caller.channels, client.channels),
        roles=_both(caller.roles, client.roles),
    )


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other

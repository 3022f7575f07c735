"""Tokens for registered clients, in exchange for their secret.

A token names its scopes always, and the registration it was issued under. The guilds, channels and roles of the client
are not written into it: they follow from the registration on every replica, and a long list would make a token too long
to send.
"""

from config import AuthSettings
from services.auth.attempts import TokenAttempts
from services.auth.claims import REGISTRATION
from services.auth.keys import SigningKeys
from services.clients import ClientRegistry, RegisteredClient
from services.errors import AuthFailure, Unauthenticated
from services.ports import Clock, IssuedToken


class RegisteredClientTokens:
    """Fulfils `services.ports.TokenIssuer`."""

    def __init__(self, settings: AuthSettings, clients: ClientRegistry, clock: Clock, attempts: TokenAttempts) -> None:
        self._keys = SigningKeys(settings)
        self._lifetime_seconds = settings.lifetime_seconds
        self._clients = clients
        self._clock = clock
        self._attempts = attempts

    async def issue_token(self, client_id: str, client_secret: str, address: str) -> IssuedToken:
        await self._attempts.admit(client_id, address)
        client = await self._clients.verify(client_id, client_secret)
        if client is None:
            await self._attempts.failed(client_id, address)
            raise Unauthenticated("The client id or its secret is wrong.", reason=AuthFailure.SECRET)
        self._attempts.succeeded(client_id, address)
        return self._token_of(client)

    def _token_of(self, client: RegisteredClient) -> IssuedToken:
        issued = int(self._clock.now().timestamp())
        lasts_seconds = self._lifetime_seconds
        if client.bounds.expires_at is not None:
            lasts_seconds = min(lasts_seconds, int(client.bounds.expires_at.timestamp()) - issued)
        claims = {
            "client_id": client.client_id,
            "iat": issued,
            "exp": issued + lasts_seconds,
            "scope": " ".join(sorted(client.scopes)),
            REGISTRATION: client.registration,
        }
        return IssuedToken(self._keys.sign(claims), lasts_seconds)

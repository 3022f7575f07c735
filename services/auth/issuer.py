"""Tokens for registered clients, in exchange for their secret."""

import jwt

from config import AuthSettings
from services.clients import ClientRegistry
from services.errors import AuthFailure, Unauthenticated
from services.ports import Clock, IssuedToken


class RegisteredClientTokens:
    """Fulfils `services.ports.TokenIssuer`. What it issues always names its scopes."""

    def __init__(self, settings: AuthSettings, clients: ClientRegistry, clock: Clock) -> None:
        self._settings = settings
        self._clients = clients
        self._clock = clock

    async def issue_token(self, client_id: str, client_secret: str) -> IssuedToken:
        """Raises Unauthenticated, with the same words for an unknown client and a wrong secret."""
        client = await self._clients.verify(client_id, client_secret)
        if client is None:
            raise Unauthenticated("The client id or its secret is wrong.", reason=AuthFailure.SECRET)
        issued = int(self._clock.now().timestamp())
        claims = {
            "client_id": client.client_id,
            "iat": issued,
            "exp": issued + self._settings.lifetime_seconds,
            "scope": " ".join(sorted(client.scopes)),
        }
        key = self._settings.secret_key.get_secret_value()
        return IssuedToken(jwt.encode(claims, key, self._settings.algorithm), self._settings.lifetime_seconds)

"""From a bearer token to its caller.

The algorithm is pinned and `exp` is required, so neither `alg: none` nor a token for ever gets in. A token that was
verified once is remembered by its hash until it expires: verifying costs more than the rest of our own work together.
The refusal never says which part of a signature was wrong.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import jwt

from config import AuthSettings
from services.errors import AuthFailure, Unauthenticated
from services.ports import Caller, Clock
from services.telemetry import name_caller

MOST_REMEMBERED: Final = 4096
LONGEST_TOKEN: Final = 8192
LEEWAY_SECONDS: Final = 5
CLIENT_ID: Final = re.compile(r"[^\x00-\x1F\x7F\ud800-\udfff]{1,255}")
SNOWFLAKE: Final = re.compile(r"[1-9][0-9]{0,18}")


class TokenVerifier:
    """Verifies tokens signed with the module's key or its predecessor."""

    def __init__(self, settings: AuthSettings, clock: Clock) -> None:
        keys = (settings.secret_key, settings.previous_secret_key)
        self._keys = [key.get_secret_value() for key in keys if key is not None]
        self._algorithm = settings.algorithm
        self._clock = clock
        self._remembered: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    async def authenticate(self, token: str | None) -> Caller:
        """The caller of `token`. Raises Unauthenticated."""
        if not token:
            raise Unauthenticated("A bearer token is required.", reason=AuthFailure.MISSING)
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("The token is not valid.")
        digest = sha256(token.encode()).digest()
        caller = self._recall(digest) or self._verify(token, digest)
        name_caller(caller.client_id)
        return caller

    def _recall(self, digest: bytes) -> Caller | None:
        found = self._remembered.get(digest)
        if found is None:
            return None
        caller, expires = found
        if self._clock.now().timestamp() >= expires:
            del self._remembered[digest]
            raise Unauthenticated("The token has expired.", reason=AuthFailure.EXPIRED)
        self._remembered.move_to_end(digest)
        return caller

    def _verify(self, token: str, digest: bytes) -> Caller:
        claims = self._claims(token)
        caller = _caller(claims)
        self._remembered[digest] = (caller, float(claims["exp"]))
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return caller

    def _claims(self, token: str) -> Mapping[str, Any]:
        for key in self._keys:
            try:
                return self._decode(token, key)
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError:
                raise Unauthenticated("The token has expired.", reason=AuthFailure.EXPIRED) from None
            except jwt.MissingRequiredClaimError as exc:
                raise Unauthenticated(f"The token has no `{exc.claim}` claim.", reason=AuthFailure.CLAIMS) from None
            except jwt.ImmatureSignatureError:
                raise Unauthenticated("The token is not valid yet.", reason=AuthFailure.NOT_YET) from None
            except jwt.PyJWTError:
                break
        raise Unauthenticated("The token is not valid.")

    def _decode(self, token: str, key: str) -> Mapping[str, Any]:
        # An audience or issuer in the token is the minter's own business; none is configured here.
        options: Any = {"require": ["exp"], "verify_aud": False, "verify_iss": False}
        return jwt.decode(token, key, algorithms=[self._algorithm], leeway=LEEWAY_SECONDS, options=options)


def _caller(claims: Mapping[str, Any]) -> Caller:
    return Caller(
        client_id=_client_id(claims),
        scopes=_scopes(claims.get("scope")),
        guilds=_ids(claims, "guilds"),
        channels=_ids(claims, "channels"),
        roles=_ids(claims, "roles"),
    )


def _client_id(claims: Mapping[str, Any]) -> str:
    named = next((claims[name] for name in ("client_id", "sub", "service") if claims.get(name)), None)
    if not isinstance(named, str) or not CLIENT_ID.fullmatch(named):
        detail = "The token names no caller: `client_id`, `sub` or `service`."
        raise Unauthenticated(detail, reason=AuthFailure.CLAIMS)
    return named


def _scopes(claim: object) -> frozenset[str] | None:
    if claim is None:
        return None
    if not isinstance(claim, str):
        detail = "The token's `scope` must be one text, separated by spaces."
        raise Unauthenticated(detail, reason=AuthFailure.CLAIMS)
    return frozenset(claim.split())


def _ids(claims: Mapping[str, Any], name: str) -> frozenset[str] | None:
    listed = claims.get(name)
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(id_, str) and SNOWFLAKE.fullmatch(id_) for id_ in listed):
        raise Unauthenticated(f"The token's `{name}` must be a list of Discord ids.", reason=AuthFailure.CLAIMS)
    return frozenset(listed)

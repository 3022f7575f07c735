"""What a token says, once its signature is known to be good. Pure: the payload and the time in, the claims out.

Nothing is read in two ways. A name that stands twice in an object, a number that is none, a restriction that is not in
the form it must have: each is refused, because a restriction read as none would open what it was meant to close. So is
a restriction that is null. Only the absence of a claim means that it is not made.

A scope is compared as it is written: `Messages` is no scope of ours, and only a space separates scopes, as
https://www.rfc-editor.org/rfc/rfc6749#section-3.3 has it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from config import AuthSettings
from services.errors import AuthFailure, Unauthenticated
from services.ports import Caller
from services.values import is_snowflake

LEEWAY_SECONDS: Final = 5
"""How far another machine's clock may be ahead of ours, for `nbf` and `iat`. An `exp` holds to the second."""
MOST_SECONDS: Final = 1e15
CLIENT_ID: Final = re.compile(r"[^\x00-\x1F\x7F\ud800-\udfff]{1,255}")
NAMES: Final = ("client_id", "sub", "service")
REGISTRATION: Final = "reg"
"""A claim of ours: the registration of the client a token was issued to, which may have ended since."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who asks, what the token allows, when it ends (Unix seconds), and whose registration it was issued under."""

    caller: Caller
    expires: float
    registration: int | None


class ClaimReader:
    """Reads claims by the rules that are set."""

    def __init__(self, settings: AuthSettings) -> None:
        self._longest_seconds = settings.longest_lifetime_seconds
        self._unscoped = None if settings.unscoped_access == "all" else frozenset[str]()
        self._audience = settings.audience
        self._issuer = settings.issuer

    def read(self, payload: bytes, now: float) -> Claims:
        """The claims of a payload at `now` (Unix seconds). Raises Unauthenticated, in words for the caller."""
        claims = _parsed(payload)
        expires = self._check_times(claims, now)
        self._check_addressee(claims)
        caller = Caller(
            client_id=_client_id(claims),
            scopes=self._scopes(claims),
            guilds=_ids(claims, "guilds"),
            channels=_ids(claims, "channels"),
            roles=_ids(claims, "roles"),
        )
        return Claims(caller, expires, _registration(claims))

    def _check_times(self, claims: Mapping[str, Any], now: float) -> float:
        expires, not_before, issued = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
        if expires is None:
            raise _bad("The token has no `exp` claim.")
        if now >= expires:
            raise Unauthenticated("The token has expired.", reason=AuthFailure.EXPIRED)
        if expires - now > self._longest_seconds:
            raise _bad(
                f"The token's `exp` is too far away: at most {self._longest_seconds} seconds from now"
                " (JWT_MAX_LIFETIME_SECONDS)."
            )
        for began in (not_before, issued):
            if began is not None and began > now + LEEWAY_SECONDS:
                raise Unauthenticated("The token is not valid yet.", reason=AuthFailure.NOT_YET)
        return expires

    def _check_addressee(self, claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud")
        named: Sequence[Any] = audience if isinstance(audience, list) else [audience]
        if self._audience is not None and self._audience not in named:
            raise _bad("The token's `aud` does not name this service.")
        if self._issuer is not None and claims.get("iss") != self._issuer:
            raise _bad("The token's `iss` is not the one accepted here.")

    def _scopes(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        if "scope" not in claims:
            return self._unscoped
        if not isinstance(claims["scope"], str):
            raise _bad("The token's `scope` must be one text, separated by spaces.")
        return frozenset(claims["scope"].split(" ")) - {""}


def _parsed(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = json.loads(payload.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        _refuse()
    if not isinstance(claims, dict):
        _refuse()
    return claims


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    claims = dict(pairs)
    if len(claims) != len(pairs):
        raise _bad("The token names a claim twice.")
    return claims


def _bad(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, reason=AuthFailure.CLAIMS)


def _refuse(*_: object) -> NoReturn:
    raise Unauthenticated("The token is not valid.")


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -MOST_SECONDS < value < MOST_SECONDS:
        raise _bad(f"The token's `{name}` must be a number of seconds.")
    return float(value)


def _client_id(claims: Mapping[str, Any]) -> str:
    named = next((claims[name] for name in NAMES if claims.get(name) not in (None, "")), None)
    if not isinstance(named, str) or not CLIENT_ID.fullmatch(named):
        raise _bad("The token names no caller: `client_id`, `sub` or `service`.")
    return named


def _ids(claims: Mapping[str, Any], name: str) -> frozenset[str] | None:
    if name not in claims:
        return None
    listed = claims[name]
    if not isinstance(listed, list) or not all(is_snowflake(id_) for id_ in listed):
        raise _bad(f"The token's `{name}` must be a list of Discord ids.")
    return frozenset(listed)


def _registration(claims: Mapping[str, Any]) -> int | None:
    number = claims.get(REGISTRATION)
    if REGISTRATION in claims and (not isinstance(number, int) or isinstance(number, bool)):
        _refuse()
    return number

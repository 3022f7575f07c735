"""From a reply to what it says about limits. Pure, and tolerant: a header that makes no sense says nothing.

Who spoke matters as much as what was said. Discord's own answers pass a proxy that adds `Via`; an answer
without it and without any `X-RateLimit-*` header was written by Cloudflare, whose blocks concern everything
from our address. Times in `Retry-After` are whole seconds, the body's `retry_after` has decimals, and the two
are known to differ: the larger one is believed.
https://discord.com/developers/docs/topics/rate-limits#header-format
"""

import math
from collections.abc import Mapping

from services.discord.rate_limit.port import Observation

TOO_MANY_REQUESTS = 429
FORBIDDEN = 403
SCOPES = frozenset({"user", "global", "shared"})
LONGEST_SECONDS = 30 * 86_400.0
"""A wait longer than any Discord is known to ask for; what says more is garbage."""
MOST_REQUESTS = 1_000_000
LONGEST_HASH = 128

type Headers = Mapping[str, str]


def observation_of(status: int, headers: Headers, body: object = None) -> Observation:
    """What a reply says about limits.

    `headers` finds its names in any case (aiohttp's does) or as Discord writes them. `body` is the parsed
    JSON, None when the body was not JSON. Never raises.
    """
    limit = _count(headers.get("X-RateLimit-Limit"))
    is_discords = _is_discords(headers)
    scope = _scope(status, headers, body, is_discords)
    return Observation(
        status=status,
        limit=limit,
        remaining=_count(headers.get("X-RateLimit-Remaining")),
        reset_epoch_seconds=_number(headers.get("X-RateLimit-Reset"), math.inf),
        reset_after_seconds=_number(headers.get("X-RateLimit-Reset-After"), LONGEST_SECONDS),
        bucket=(headers.get("X-RateLimit-Bucket") or "")[:LONGEST_HASH] or None,
        retry_after_seconds=_retry_after(headers, body) if scope is not None else None,
        scope=scope,
        is_discords=is_discords,
    )


def _is_discords(headers: Headers) -> bool:
    return "Via" in headers or "X-RateLimit-Limit" in headers or "X-RateLimit-Scope" in headers


def _scope(status: int, headers: Headers, body: object, is_discords: bool) -> str | None:  # noqa: FBT001 - private
    if status == FORBIDDEN and not is_discords and body is None:
        return "cloudflare"
    if status != TOO_MANY_REQUESTS:
        return None
    if _is_global(headers, body):
        return "global"
    if not is_discords:
        return "cloudflare"
    named = (headers.get("X-RateLimit-Scope") or "").lower()
    return named if named in SCOPES else "user"


def _is_global(headers: Headers, body: object) -> bool:
    if (headers.get("X-RateLimit-Global") or "").lower() == "true":
        return True
    if (headers.get("X-RateLimit-Scope") or "").lower() == "global":
        return True
    return isinstance(body, Mapping) and body.get("global") is True


def _retry_after(headers: Headers, body: object) -> float | None:
    said = body.get("retry_after") if isinstance(body, Mapping) else None
    spoken = (_number(headers.get("Retry-After"), LONGEST_SECONDS), _number(said, LONGEST_SECONDS))
    return max((seconds for seconds in spoken if seconds is not None), default=None)


def _number(said: object, most: float) -> float | None:
    if said is None:  # most headers are absent from most replies
        return None
    if not isinstance(said, str | int | float) or isinstance(said, bool):
        return None
    try:
        number = float(said)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None


def _count(said: str | None) -> int | None:
    number = _number(said, MOST_REQUESTS)
    return None if number is None or number != int(number) else int(number)

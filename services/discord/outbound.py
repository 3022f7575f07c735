"""From a Call to the request that leaves: address, headers, body. Nothing in it comes from a caller unencoded.

- The address is our base plus the call's own template. Every part is percent-encoded whole; `.` and `..`, which no
  encoding can disarm, are refused. The address is built already encoded, so that the HTTP library leaves it alone.
- The bot's token goes only into requests that are not a webhook's:
  https://discord.com/developers/docs/resources/webhook#execute-webhook.
- The reason is percent-encoded UTF-8, space as %20: https://discord.com/developers/docs/resources/audit-log.
- We ask for uncompressed answers: they are small, and a bounded read stays bounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import orjson
from yarl import URL

from config import Secret
from services.ports import Call

PROJECT_URL: Final = "https://github.com/waddlebot/discord-action-module"


@dataclass(frozen=True, slots=True)
class Outbound:
    """A request as it leaves. It is built once and sent as often as the retry policy says."""

    method: str
    url: URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


class RequestWriter:
    """Writes requests to one base, with one bot token."""

    def __init__(self, api_base: str, bot_token: Secret, version: str) -> None:
        base = URL(api_base)
        self._scheme = base.scheme
        self._authority = base.raw_authority
        self._root = base.raw_path.rstrip("/")
        anonymous = {
            "User-Agent": f"DiscordBot ({PROJECT_URL}, {version})",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
        self._as_webhook = _Headers(anonymous)
        self._as_bot = _Headers({**anonymous, "Authorization": f"Bot {bot_token.get_secret_value()}"})

    def write(self, call: Call) -> Outbound:
        """Raises ValueError for a part that is no plain path segment, KeyError for one that is missing."""
        parts = {name: _segment(part) for name, part in call.parts.items()}
        url = URL.build(
            scheme=self._scheme,
            authority=self._authority,
            path=self._root + call.route.format_map(parts),
            query_string=_query(call.query) if call.query else "",
            encoded=True,
        )
        body = None if call.body is None else orjson.dumps(call.body)
        headers = (self._as_webhook if call.is_webhook else self._as_bot).of(body, call.reason)
        return Outbound(call.method, url, headers, body)


class _Headers:
    """The headers of one kind of request, with and without a body."""

    def __init__(self, always: Mapping[str, str]) -> None:
        self._without_body = dict(always)
        self._with_body = {**always, "Content-Type": "application/json"}

    def of(self, body: bytes | None, reason: str | None) -> Mapping[str, str]:
        headers = self._without_body if body is None else self._with_body
        return {**headers, "X-Audit-Log-Reason": quote(reason, safe="")} if reason else headers


def _segment(part: str) -> str:
    if part.isascii() and part.isalnum():
        return part
    if part in {"", ".", ".."}:
        raise ValueError("a part of the path must be a plain segment")
    return quote(part, safe="")


def _query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())

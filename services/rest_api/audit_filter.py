"""From the query string of the audit log to a filter, or to every bad parameter at once."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from services.actions import AUDIT_NAMES
from services.errors import InvalidArgument, Violation
from services.ports import ActionFilter

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200
LONGEST_CURSOR: Final = 512
LONGEST_CLIENT_ID: Final = 255
LONGEST_TIME: Final = 64
MOST_PARAMETERS: Final = 64
TIME_ADVICE: Final = "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"

SNOWFLAKE: Final = re.compile(r"[1-9][0-9]{0,18}")
# A zone's `+` that was not percent-encoded arrives as a blank.
LOST_PLUS: Final = re.compile(r"(.+:[0-9.:]+) ([0-9]{2}:?[0-9]{2})")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of the audit log is asked for."""

    wanted: ActionFilter
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


def _action(text: str) -> str:
    if text not in AUDIT_NAMES:
        raise ValueError(f"must be one of {', '.join(AUDIT_NAMES)}")
    return text


def _snowflake(text: str) -> str:
    if not SNOWFLAKE.fullmatch(text):
        raise ValueError("must be a Discord id: 1 to 19 digits without a leading zero")
    return text


def _client_id(text: str) -> str:
    if not 0 < len(text) <= LONGEST_CLIENT_ID or "\0" in text:
        raise ValueError(f"must be 1 to {LONGEST_CLIENT_ID} characters")
    return text


def _success(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def _time(text: str) -> datetime:
    if len(text) > LONGEST_TIME:
        raise ValueError(TIME_ADVICE)
    try:
        moment = datetime.fromisoformat(LOST_PLUS.sub(r"\1+\2", text))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(TIME_ADVICE) from None


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise ValueError(f"must be 1 to {LARGEST_LIMIT}")
    return int(text)


def _cursor(text: str) -> str:
    if not 0 < len(text) <= LONGEST_CURSOR:
        raise ValueError("must be the next_cursor of an answer")
    return text


READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "action": _action,
    "guild_id": _snowflake,
    "channel_id": _snowflake,
    "user_id": _snowflake,
    "client_id": _client_id,
    "success": _success,
    "since": _time,
    "until": _time,
    "limit": _limit,
    "cursor": _cursor,
}


def read_page_request(query_string: bytes) -> PageRequest:
    """The page a query string asks for. Raises InvalidArgument naming every bad parameter."""
    pairs = _pairs(query_string)
    violations: list[Violation] = []
    values: dict[str, Any] = {}
    for name, count in Counter(name for name, _ in pairs).items():
        if name not in READERS:
            violations.append(Violation((name,), "is not a parameter of this request"))
        elif count > 1:
            violations.append(Violation((name,), "must be given once"))
    for name, text in pairs:
        _read(name, text, values, violations)
    if violations:
        raise InvalidArgument(violations)
    return _page_request(values)


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        text = query_string.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise InvalidArgument(detail="The query string cannot be read.") from None


def _read(name: str, text: str, values: dict[str, Any], violations: list[Violation]) -> None:
    if name not in READERS or name in values:
        return
    try:
        values[name] = READERS[name](text)
    except ValueError as exc:
        violations.append(Violation((name,), str(exc)))


def _page_request(values: dict[str, Any]) -> PageRequest:
    since, until = values.get("since"), values.get("until")
    if since and until and since >= until:
        raise InvalidArgument([Violation(("until",), "must be later than since")])
    limit, cursor = values.pop("limit", DEFAULT_LIMIT), values.pop("cursor", None)
    return PageRequest(ActionFilter(action_type=values.pop("action", None), **values), limit, cursor)

"""From the texts a person or a caller gives to a filter of the record, or to what is wrong with each of them.

Both who ask over REST and who ask on the command line come through here, so they can ask the same questions.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from services.actions import AUDIT_NAMES
from services.errors import ErrorCode, OutcomeKind, Violation
from services.ports import ActionFilter
from services.values import is_snowflake

LONGEST_CLIENT_ID: Final = 255
LONGEST_TIME: Final = 64
TIME_ADVICE: Final = "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"

OUTCOMES: Final = tuple(kind.value for kind in OutcomeKind)
ERROR_CODES: Final = tuple(code.slug for code in ErrorCode)

# A zone's `+` that was not percent-encoded arrives as a blank.
LOST_PLUS: Final = re.compile(r"(.+:[0-9.:]+) ([0-9]{2}:?[0-9]{2})")

type Reader = Callable[[str], Any]


def _one_of(texts: tuple[str, ...], advice: str) -> Reader:
    def read(text: str) -> str:
        if text not in texts:
            raise ValueError(advice)
        return text

    return read


def _snowflake(text: str) -> str:
    if not is_snowflake(text):
        raise ValueError("must be a Discord id: 1 to 19 digits without a leading zero, at most 2^63-1")
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


FILTERS: Final[Mapping[str, Reader]] = {
    "action": _one_of(AUDIT_NAMES, f"must be one of {', '.join(AUDIT_NAMES)}"),
    "guild_id": _snowflake,
    "channel_id": _snowflake,
    "user_id": _snowflake,
    "client_id": _client_id,
    "success": _success,
    "outcome": _one_of(OUTCOMES, f"must be one of {', '.join(OUTCOMES)}"),
    "error_code": _one_of(ERROR_CODES, "must be a code of the error table, such as discord_missing_permissions"),
    "since": _time,
    "until": _time,
}
"""What each filter is read with, by the name callers know it by. A reader raises ValueError with what to mend."""


def contradictions(values: Mapping[str, Any]) -> list[Violation]:
    """What is wrong with values that are each right, by the names of FILTERS."""
    since, until = values.get("since"), values.get("until")
    if since is not None and until is not None and since >= until:
        return [Violation(("until",), "must be later than since")]
    return []


def filter_of(values: Mapping[str, Any]) -> ActionFilter:
    """The filter made of what the readers gave, by the names of FILTERS."""
    given = {name: value for name, value in values.items() if name in FILTERS}
    return ActionFilter(action_type=given.pop("action", None), **given)

"""For schemathesis: what the OpenAPI document cannot say is kept out of the requests."""

from collections.abc import Iterator
from typing import Any, Final

import schemathesis
from emoji import is_emoji

LARGEST_ID: Final = 2**63 - 1


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Keeps a case unless it breaks a rule that is not in the document."""
    return not any(_breaks_unsaid_rule(fields) for fields in _groups(case))


def _groups(case: Any) -> Iterator[dict[str, Any]]:
    return (group for group in (case.path_parameters, case.query, case.body) if isinstance(group, dict))


def _breaks_unsaid_rule(fields: dict[str, Any]) -> bool:
    if {"since", "until"} <= fields.keys() or "cursor" in fields:  # an order of two, and what only we hand out
        return True
    return any(_is_too_large(name, value) or _is_no_emoji(name, value) for name, value in fields.items())


def _is_too_large(name: str, value: object) -> bool:
    return name.endswith("_id") and isinstance(value, str) and value.isdecimal() and int(value) > LARGEST_ID


def _is_no_emoji(name: str, value: object) -> bool:
    return name == "emoji" and isinstance(value, str) and not is_emoji(value)

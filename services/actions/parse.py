"""From the fields of a request to an action, or to every violation at once."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.actions.base import Action
from services.errors import InvalidArgument, Violation
from services.values.text import NO_CONTROL, NO_NUL, NO_SPACE


def parse[A: Action](action_type: type[A], fields: Mapping[str, Any]) -> A:
    """The action these fields describe. Raises InvalidArgument naming every bad field."""
    try:
        return action_type.model_validate(fields)
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_input=False)
        raise InvalidArgument([_violation(action_type, error) for error in found]) from None


def _violation(action_type: type[Action], error: ErrorDetails) -> Violation:
    # A colour or a webhook URL can be read in two ways; the way that failed is no part of the field's name.
    path = tuple(part for part in error["loc"] if not (isinstance(part, str) and part.startswith("function-")))
    if error["type"] == "missing":
        return Violation(path, _missing(action_type, path))
    return Violation(path, _detail(error))


def _missing(action_type: type[Action], path: tuple[str | int, ...]) -> str:
    field = action_type.model_fields.get(str(path[0])) if len(path) == 1 else None
    description = field.description if field else None
    return f"is required: {description}" if description else "is required"


def _detail(error: ErrorDetails) -> str:
    bounds = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return PATTERNS.get(str(bounds["pattern"]), str(error["msg"]))
    told = DETAILS.get(error["type"])
    return told.format_map(bounds) if told else str(error["msg"])


PATTERNS: Final[Mapping[str, str]] = {
    r"^[1-9][0-9]{0,18}$": "must be a Discord id: a string of 1 to 19 digits without a leading zero",
    "^(users|roles|everyone|none)$": "must be one of users, roles, everyone, none",
    NO_NUL: "must not contain the character U+0000",
    NO_CONTROL: "must not contain control characters",
    NO_SPACE: "must not contain spaces or control characters",
}

DETAILS: Final[Mapping[str, str]] = {
    "extra_forbidden": "is not a field of this request",
    "string_type": "must be a string",
    "string_unicode": "must be valid Unicode text",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_too_long": "must be at most {max_length} characters",
    "string_too_short": "must be at least {min_length} character",
    "too_long": "must have at most {max_length} items",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
}

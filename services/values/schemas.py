"""The words in which a schema says what a group of fields must have together.

Pydantic derives the schema of each field; what a validator checks across fields has to be said beside it, or the
OpenAPI document would promise requests that are refused.
"""

from typing import Final

from pydantic import JsonValue

SAYS_SOMETHING: Final = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""The pattern of a text that is not blank."""


def says(name: str) -> JsonValue:
    """The text of this name is there and not blank."""
    return _has(name, {"type": "string", "pattern": SAYS_SOMETHING})


def has_object(name: str) -> JsonValue:
    """The object of this name is there."""
    return _has(name, {"type": "object"})


def has_items(name: str) -> JsonValue:
    """The list of this name is there and not empty."""
    return _has(name, {"type": "array", "minItems": 1})


def has_text(name: str) -> JsonValue:
    """The text of this name is there."""
    return _has(name, {"type": "string"})


def lacks(*names: str) -> JsonValue:
    """None of these is there; null counts as absent."""
    return {"properties": {name: {"type": "null"} for name in names}}


def any_of(*options: JsonValue) -> JsonValue:
    """One of these holds."""
    return {"anyOf": list(options)}


def _has(name: str, how: JsonValue) -> JsonValue:
    return {"required": [name], "properties": {name: how}}

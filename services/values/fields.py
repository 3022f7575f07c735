"""What every group of request fields has in common.

Unknown fields are refused. An empty text, an empty list and null mean the same as leaving a field of that kind out:
proto3 cannot tell them apart, and the two protocols must not differ.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator

# More than any group has; naming thousands of unknown fields would take long and help nobody.
MOST_FIELDS: Final = 64
# More than any list may have; what is behind them is not looked at: a hundred thousand wrong items take seconds.
MOST_ITEMS: Final = 64


class Fields(BaseModel):
    """A frozen group of known fields. Unknown ones are refused; an empty one counts as absent."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_absent(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        if len(raw) > MOST_FIELDS:
            raise ValueError(f"must have at most {MOST_FIELDS} fields")
        empty = _empty_forms(cls)
        return {name: _cut(value) for name, value in raw.items() if not _is_absent(value, empty.get(name))}


def _cut(value: object) -> object:
    return value[:MOST_ITEMS] if isinstance(value, list) and len(value) > MOST_ITEMS else value


@cache
def _empty_forms(group: type[Fields]) -> Mapping[str, tuple[object, ...]]:
    """What means "left out" for each known field, beside null: an empty text for a text, an empty list for a list."""
    properties = group.model_json_schema(mode="validation")["properties"]
    return {name: tuple(_empty_forms_of(schema)) for name, schema in properties.items()}


def _empty_forms_of(schema: Mapping[str, Any]) -> Iterator[object]:
    kinds = {option.get("type") for option in (schema, *schema.get("anyOf", ()))} | {schema.get("type")}
    if "string" in kinds or "enum" in schema:
        yield ""
    if "array" in kinds:
        yield []


def _is_absent(value: object, empty: tuple[object, ...] | None) -> bool:
    return empty is not None and (value is None or (not value and isinstance(value, str | list) and value in empty))

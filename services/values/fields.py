"""What every group of request fields has in common.

Unknown fields are refused. An empty string, an empty list and null mean the same as leaving a field out: proto3 cannot
tell them apart, and the two protocols must not differ.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, model_validator


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
        known = cls.model_fields
        return {name: value for name, value in raw.items() if name not in known or not _is_absent(value)}


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, str | list) and not value)

"""The table of variables, made from the sections: for `.env.example`, for the documentation, for messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from configuration.secret import Secret
from configuration.section import Section


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable an operator can set.

    `default` is text as it would be written into `.env`; None for a variable that is absent by default.
    `lowest` and `highest` bound a number. A secret can also be given as NAME_FILE.
    """

    name: str
    section: str
    meaning: str
    default: str | None
    is_required: bool
    has_no_default: bool
    is_secret: bool
    is_whole: bool
    lowest: float | None
    highest: float | None


def table_of(sections: Sequence[type[Section]]) -> dict[str, Variable]:
    """Lists the variables of the sections, each once, in the order of their fields."""
    table: dict[str, Variable] = {}
    for section in sections:
        for field_name, field in section.model_fields.items():
            name = field.validation_alias
            if isinstance(name, str) and (field.description or name not in table):
                table.pop(name, None)  # its place is in the section that says what it means
                table[name] = _variable(section, field_name, field, name)
    return table


def _variable(section: type[Section], field_name: str, field: FieldInfo, name: str) -> Variable:
    types = get_args(field.annotation) or (field.annotation,)
    return Variable(
        name=name,
        section=section.title,
        meaning=field.description or "",
        default=section.default_texts.get(field_name) or _default_text(field),
        is_required=field.is_required() and section.is_required,
        has_no_default=field.is_required(),
        is_secret=_is_secret(field.annotation),
        is_whole=int in types,
        lowest=next((float(str(m.ge)) for m in field.metadata if isinstance(m, Ge)), None),
        highest=next((float(str(m.le)) for m in field.metadata if isinstance(m, Le)), None),
    )


def _is_secret(annotation: Any) -> bool:
    return annotation is Secret or any(_is_secret(part) for part in get_args(annotation))


def _default_text(field: FieldInfo) -> str | None:
    match field.default:
        case None | ():
            return None
        case bool():
            return str(field.default).lower()
        case float():
            return f"{field.default:g}"
        case str() | int() | Path():
            return str(field.default)
        case _ if field.default is PydanticUndefined:
            return None
        case _:
            return str(field.default)

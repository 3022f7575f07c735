"""What was decided, on one screen: every section with its variables. Of a secret it says only that it is there."""

import textwrap
from collections.abc import Iterable

from configuration.secret import Secret
from configuration.section import Section

WIDTH = 110


def summary(sections: Iterable[Section]) -> str:
    """Gives a paragraph for each section; a variable without a value is `unset`."""
    return "\n".join(_paragraph(section) for section in sections)


def _paragraph(section: Section) -> str:
    fields = type(section).model_fields.items()
    settings = [
        f"{field.validation_alias}={_shown(getattr(section, name))}" for name, field in fields if field.description
    ]
    return textwrap.fill(
        f"{section.title}: {', '.join(settings)}",
        WIDTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _shown(value: object) -> str:
    match value:
        case None | ():
            return "unset"
        case tuple():
            return " ".join(str(each) for each in value)
        case Secret():
            return "(set)"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return str(value)

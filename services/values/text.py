"""Texts, bounded as Discord bounds them.

Discord trims a text before it counts, and counts Unicode code points; so do we. NUL is refused everywhere (PostgreSQL
cannot store it), control characters wherever the text becomes a header or a name.
"""

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from services.values.schemas import SAYS_SOMETHING

NO_NUL: Final = r"^[^\x00]*$"
NO_SPACE: Final = r"^[^\x00-\x20\x7F]*$"
NO_CONTROL: Final = r"^[^\x00-\x1F\x7F-\x9F\u2028\u2029]*$"


def text(limit: int, pattern: str = NO_NUL) -> StringConstraints:
    """The bound of a text of at most `limit` characters after trimming."""
    return StringConstraints(strip_whitespace=True, max_length=limit, pattern=pattern)


class _Filled:
    """Refuses a text that is empty once it is trimmed, and says so in the schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(_check_not_blank, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"minLength": 1, "pattern": SAYS_SOMETHING}


def _check_not_blank(text: str) -> str:
    if not text:
        raise ValueError("must not be blank")
    return text


Filled = _Filled()

Content = Annotated[str, text(2000)]
AuditReason = Annotated[str, text(512, NO_CONTROL)]


def _check_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https URL")
    return text


Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2048, pattern=NO_SPACE),
    AfterValidator(_check_url),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": 2048, "pattern": "^https?://"}),
]

"""Emojis in every form people paste, as Discord's path wants them.

Accepted: a Unicode emoji with or without its variation selector, a shortcode, and a custom emoji as `name:id`,
`<:name:id>`, `<a:name:id>`, all of them percent-encoded as well. Discord answers 10014 to anything else.
"""

import re
from typing import Annotated, Final
from urllib.parse import unquote

from emoji import EMOJI_DATA, emojize, is_emoji
from pydantic import BeforeValidator
from pydantic.json_schema import WithJsonSchema

from services.values.snowflake import LARGEST_SNOWFLAKE

CUSTOM_EMOJI: Final = re.compile(r"(?:<a?:|a?:)?([A-Za-z0-9_]{2,32}):([1-9][0-9]{0,18})>?")


def _read_emoji(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be a string")  # noqa: TRY004  # pydantic reports ValueError as a bad field
    text = unquote(raw.strip()) if "%" in raw else raw.strip()
    custom = CUSTOM_EMOJI.fullmatch(text)
    if custom and int(custom[2]) <= LARGEST_SNOWFLAKE:
        return f"{custom[1]}:{custom[2]}"
    unicode_emoji = _unicode_emoji(text)
    if unicode_emoji is None:
        raise ValueError("must be one Unicode emoji, a shortcode such as :thumbsup:, or name:id of a custom emoji")
    return unicode_emoji


def _unicode_emoji(text: str) -> str | None:
    """The emoji in the form Discord lists: fully qualified, with its variation selector where Unicode has one."""
    spelled = emojize(text, language="alias") if text.startswith(":") else text
    if is_emoji(spelled + "\ufe0f") and spelled + "\ufe0f" in EMOJI_DATA:
        return spelled + "\ufe0f"
    return spelled if is_emoji(spelled) else None


Emoji = Annotated[
    str,
    BeforeValidator(_read_emoji),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "examples": ["👍", ":thumbsup:", "party:41771983429993937", "<:party:41771983429993937>"],
        }
    ),
]

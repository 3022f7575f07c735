"""Emojis in every form people paste, as Discord's path wants them.

Accepted: a Unicode emoji with or without its variation selectors, a shortcode, and a custom emoji as `name:id`,
`<:name:id>`, `<a:name:id>`, all of them percent-encoded as well. Discord answers 10014 to anything else.
"""

import re
from functools import cache
from typing import Annotated, Final
from urllib.parse import unquote

from emoji import EMOJI_DATA, STATUS, emojize, is_emoji
from pydantic import BeforeValidator
from pydantic.json_schema import WithJsonSchema

from services.values.snowflake import LARGEST_SNOWFLAKE

SELECTOR: Final = "\ufe0f"
"""Asks for the picture, where a character is also a plain sign: https://www.unicode.org/reports/tr51/#Emoji_Variation_Sequences."""
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
    """The emoji in the form Discord mostly lists: fully qualified, with the selectors Unicode gives it."""
    spelled = emojize(text, language="alias") if text.startswith(":") else text
    return _fully_qualified().get(spelled.replace(SELECTOR, ""), spelled) if is_emoji(spelled) else None


@cache
def _fully_qualified() -> dict[str, str]:
    """Emoji that have a variation selector, by themselves without it. 1200 entries, made for the first emoji."""
    full = (emoji for emoji, about in EMOJI_DATA.items() if about["status"] == STATUS["fully_qualified"])
    return {emoji.replace(SELECTOR, ""): emoji for emoji in full if SELECTOR in emoji}


def other_spelling(emoji: str) -> str | None:
    """A Unicode emoji without its variation selector, or with one where it has none; None for a custom emoji.

    Discord's list follows Unicode's for most emoji alone, and answers 10014 to any other spelling:
    https://github.com/discord/discord-api-docs/issues/2782.
    """
    if CUSTOM_EMOJI.fullmatch(emoji):
        return None
    return emoji.replace(SELECTOR, "") if SELECTOR in emoji else emoji + SELECTOR


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

"""Discord's ids: https://discord.com/developers/docs/reference#snowflakes."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

LARGEST_SNOWFLAKE: Final = 2**63 - 1
DISCORD_EPOCH_MS: Final = 1_420_070_400_000
_DIGITS: Final = re.compile("[1-9][0-9]{0,18}")


def _check_snowflake(text: str) -> str:
    if int(text) > LARGEST_SNOWFLAKE:
        raise ValueError(f"must be at most {LARGEST_SNOWFLAKE}")
    return text


Snowflake = Annotated[
    str,
    StringConstraints(pattern=r"^[1-9][0-9]{0,18}$"),
    AfterValidator(_check_snowflake),
]


def is_snowflake(text: object) -> bool:
    """Whether this is an id as Discord writes it: a text of 1 to 19 digits, at most 2^63-1."""
    return isinstance(text, str) and _DIGITS.fullmatch(text) is not None and int(text) <= LARGEST_SNOWFLAKE


def snowflake_time(snowflake: str) -> datetime:
    """When Discord made the id, in UTC."""
    return datetime.fromtimestamp(((int(snowflake) >> 22) + DISCORD_EPOCH_MS) / 1000, UTC)

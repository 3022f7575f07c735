"""Rules of secrets that stand for themselves: the bot's token and the keys callers' tokens are signed with.

A placeholder out of a manual is refused here. It would pass everything that looks at its form alone, and everybody
knows it. No message repeats a value: messages end up on terminals and in logs.
"""

import re
from typing import Final

SHORTEST_KEY_CHARACTERS: Final = 64
LEAST_DISTINCT_CHARACTERS: Final = 10
LONGEST_PATTERN_CHARACTERS: Final = 32
LONGEST_TOKEN_CHARACTERS: Final = 256
HOW_TO_MAKE_A_KEY: Final = "make one with: openssl rand -hex 48"

UNFILLED: Final = re.compile(r"^<|^\$?\{|^your[\s_-]|[\s_-]your[\s_-]", re.IGNORECASE)
"""What templates leave where a value belongs."""

PLACEHOLDERS: Final = re.compile(
    r"changeme|replaceme|placeholder|example|goeshere|tokenhere|keyhere|secrethere|yoursecret|yourtoken|yourbottoken",
    re.IGNORECASE,
)
"""Words of manuals, looked for without what may stand between their parts."""

NO_TOKENS: Final = re.compile(r"(the|my|discord)*(bot)?token|none|null|undefined|todo|dummy|x{3,}", re.IGNORECASE)
"""What people write for a token they do not have yet. A whole value, without what may stand between its parts."""


def signing_key(value: str) -> str:
    """Accepts a key that nobody can guess or find in a manual.

    Fewer than 64 characters is refused (runs of blanks count as one), and so are a key of few different characters,
    a short pattern written again and again, and what documentation and examples are full of.
    """
    solid = " ".join(value.split())
    if len(solid) < SHORTEST_KEY_CHARACTERS:
        raise ValueError(
            f"must have at least {SHORTEST_KEY_CHARACTERS} characters, this one has {len(solid)}; {HOW_TO_MAKE_A_KEY}"
        )
    if _is_placeholder(value):
        raise ValueError(f"is a placeholder; {HOW_TO_MAKE_A_KEY}")
    distinct = len(set(solid) - {" "})
    if distinct < LEAST_DISTINCT_CHARACTERS:
        raise ValueError(
            f"must have at least {LEAST_DISTINCT_CHARACTERS} different characters, this one has {distinct}; "
            f"{HOW_TO_MAKE_A_KEY}"
        )
    if _repeats_a_pattern(solid):
        raise ValueError(f"is a short pattern written again and again; {HOW_TO_MAKE_A_KEY}")
    return value


def bot_token(value: str) -> str:
    """Accepts a bare bot token: the word `Bot` in front belongs to the header, and a blank would break it."""
    if value.lower().startswith("bot "):
        raise ValueError("must be the token alone, without the word 'Bot' in front")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be printable ASCII without blanks")
    if len(value) > LONGEST_TOKEN_CHARACTERS:
        raise ValueError(f"must have at most {LONGEST_TOKEN_CHARACTERS} characters, this one has {len(value)}")
    if _is_placeholder(value) or NO_TOKENS.fullmatch(_joined(value)):
        raise ValueError("is a placeholder; take the token from https://discord.com/developers/applications")
    return value


def _is_placeholder(value: str) -> bool:
    return UNFILLED.search(value.strip()) is not None or PLACEHOLDERS.search(_joined(value)) is not None


def _joined(value: str) -> str:
    return re.sub(r"[\s_-]", "", value)


def _repeats_a_pattern(value: str) -> bool:
    lengths = range(1, min(LONGEST_PATTERN_CHARACTERS, len(value) // 2) + 1)
    return any(value.startswith(value[length:]) for length in lengths)

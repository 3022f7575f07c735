"""The `{emoji}` of a reaction's path: exactly one unicode emoji, or `name:id` of a custom emoji.

Discord holds a list of the emoji it knows; here the grammar of Unicode TR51 stands in for it: a base with an
optional variation selector or skin tone, joined by ZWJ; a flag of two regional letters or of tags; a keycap.
Some emoji are on Discord's list without the selector that Unicode gives them, and are unknown with it. Which these are
is documented nowhere and has changed; one that was reported stands for them.
"""

import re
from dataclasses import dataclass

from sandbox.errors import JsonCode, refusal
from sandbox.model import Guild

_BASE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2"
    "\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297"
    "\u3299\U0001f004\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f202"
    "\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0"
    "\U0001f90c-\U0001f9ff\U0001fa70-\U0001faff]"
)
_ELEMENT = f"{_BASE}(?:\ufe0f|[\U0001f3fb-\U0001f3ff])?(?:[\U000e0020-\U000e007e]+\U000e007f)?"
UNICODE_EMOJI = re.compile(f"(?:[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_ELEMENT}(?:\u200d{_ELEMENT})*)")
UNKNOWN_WITH_SELECTOR = {"\u2714\ufe0f"}
"""https://github.com/discord/discord-api-docs/issues/1165."""
CUSTOM_EMOJI = re.compile(r"([A-Za-z0-9_]{2,32}):([0-9]{1,20})")


@dataclass(frozen=True, slots=True)
class Emoji:
    """`key` tells reactions apart: the id of a custom emoji, else the unicode text."""

    key: str
    name: str
    custom_id: str | None = None


def parse_emoji(text: str, guilds: dict[str, Guild]) -> Emoji:
    """Raises 10014 for anything but one emoji, and for a custom emoji that no guild of the bot has."""
    if UNICODE_EMOJI.fullmatch(text) and text not in UNKNOWN_WITH_SELECTOR:
        return Emoji(text, text)
    match = CUSTOM_EMOJI.fullmatch(text)
    if match is None:
        raise refusal(JsonCode.UNKNOWN_EMOJI)
    for guild in guilds.values():
        known = guild.emojis.get(match[2])
        if known is not None and guild.bot_is_member:
            return Emoji(known.id, known.name, known.id)
    raise refusal(JsonCode.UNKNOWN_EMOJI)

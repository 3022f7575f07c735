"""Discord's JSON error codes, and which of our codes each one means.

Discord documents the codes but not their HTTP status, and adds codes without notice. So the code decides where we
know it, and the HTTP status where we do not. Three groups are no refusals of the action itself:

- a cool-down is a limit that no header announces; it ends by itself (`rate_limited`);
- a standstill is Discord saying that it cannot work right now; nothing happened (`discord_unavailable`);
- 40333 is Cloudflare in front of Discord, which never saw the request.

Source: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json-json-error-codes.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final

from services.errors import ErrorCode

UNKNOWN_WEBHOOK: Final = 10015
INVALID_WEBHOOK_TOKEN: Final = 50027
BLOCKED_BY_CLOUDFLARE: Final = 40333

BOT_TOKEN_CODES: Final = frozenset({0, 40001, 50014})
"""What Discord says with a 401 when it refuses the bot's own token."""

COOL_DOWNS: Final = frozenset({20016, 20022, 20028, 20029, 30040, 30042, 30046, 40003, 40062})
"""Slow mode, write limits of a channel or guild, edits of old messages, opening direct messages too fast …"""

STANDSTILLS: Final = frozenset({40004, 40006, 110000, 130000})
"""Sending or a feature is switched off, the search index is not ready, a resource is overloaded: nothing was done."""

DEAD_WEBHOOK_CODES: Final = frozenset({UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN})

_GROUPS: Final[Mapping[ErrorCode, Iterable[int]]] = {
    # The unknown-something codes; those with a code of their own stand further down and win.
    ErrorCode.DISCORD_NOT_FOUND: range(10001, 11000),
    # The ceilings; the exceptions among them stand further down.
    ErrorCode.DISCORD_LIMIT_REACHED: chain(range(30001, 30062), (40094, 160006, 160007)),
    ErrorCode.DISCORD_UNKNOWN_CHANNEL: (10003,),
    ErrorCode.DISCORD_UNKNOWN_GUILD: (10004,),
    ErrorCode.DISCORD_UNKNOWN_MEMBER: (10007,),
    ErrorCode.DISCORD_UNKNOWN_MESSAGE: (10008,),
    ErrorCode.DISCORD_UNKNOWN_ROLE: (10011,),
    ErrorCode.DISCORD_UNKNOWN_USER: (10013,),
    ErrorCode.DISCORD_UNKNOWN_EMOJI: (10014,),
    ErrorCode.DISCORD_UNKNOWN_WEBHOOK: DEAD_WEBHOOK_CODES,
    ErrorCode.DISCORD_MISSING_ACCESS: (50001, 160014),
    ErrorCode.DISCORD_MISSING_PERMISSIONS: (50013, 50173, 50600, 160002),
    ErrorCode.DISCORD_BLOCKED_BY_USER: (90001, 520000),
    ErrorCode.DISCORD_INVALID_FORM: chain(
        (50006, 50016, 50028, 50033, 50034, 50035, 50046, 50055, 50068, 50080, 50081, 50084, 50109, 50110),
        (50123, 50124, 50138, 50144, 50145, 50146, 50151, 50159, 50160, 50161, 50162, 50192),
    ),
    ErrorCode.DISCORD_PAYLOAD_TOO_LARGE: (30015, 40005, 50045),
    ErrorCode.DISCORD_ACTION_NOT_ALLOWED: (50003, 50005, 50019, 50021, 50073, 50074),
    ErrorCode.DISCORD_WRONG_CHANNEL_TYPE: (40058, 50008, 50024, 520002),
    ErrorCode.DISCORD_CANNOT_MESSAGE_USER: (20009, 50007, 50278),
    ErrorCode.DISCORD_THREAD_ARCHIVED: (50083,),
    ErrorCode.DISCORD_THREAD_LOCKED: (160005,),
    ErrorCode.DISCORD_ALREADY_DONE: (40033, 150006, 160004, 520001),
    ErrorCode.DISCORD_BLOCKED_BY_AUTOMOD: (20031, 200000, 200001, 240000),
    ErrorCode.DISCORD_FORUM_RULES: (40061, 40066, 40067, 220001, 220002, 220003, 220004),
    ErrorCode.DISCORD_USER_BANNED: (40007,),
    ErrorCode.DISCORD_GUILD_RESTRICTED: (20035, 50095, 50097, 50101, 400001),
    ErrorCode.DISCORD_BOT_NOT_ELIGIBLE: (40002, 50009, 60003),
    # Known, and without a code of its own: late interactions, moves, stages, polls, a bulk ban of nobody.
    ErrorCode.DISCORD_REJECTED: chain(
        (10062, 20001, 20002, 40009, 40032, 40060, 50041, 50091),
        (180000, 180002, 500000, 520003, 520006),
    ),
    ErrorCode.RATE_LIMITED: COOL_DOWNS,
    ErrorCode.DISCORD_UNAVAILABLE: (*STANDSTILLS, BLOCKED_BY_CLOUDFLARE),
}

BY_DISCORD_CODE: Final[Mapping[int, ErrorCode]] = {code: ours for ours, codes in _GROUPS.items() for code in codes}

_BY_STATUS: Final[Mapping[int, ErrorCode]] = {
    400: ErrorCode.DISCORD_INVALID_FORM,
    403: ErrorCode.DISCORD_MISSING_PERMISSIONS,
    404: ErrorCode.DISCORD_NOT_FOUND,
    413: ErrorCode.DISCORD_PAYLOAD_TOO_LARGE,
}


def error_code(discord_code: int, status: int) -> ErrorCode:
    """Our code for a refusal: by Discord's own code, or by the HTTP status where that is new to us."""
    known = BY_DISCORD_CODE.get(discord_code)
    return known or _BY_STATUS.get(status, ErrorCode.DISCORD_REJECTED)

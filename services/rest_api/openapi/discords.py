"""What Discord may have said where our code is its refusal, for the examples.

One of Discord's codes for each of ours: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json.
"""

from collections.abc import Mapping
from typing import Final

from services.errors import DiscordSaid, ErrorCode

CODES: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.DISCORD_UNKNOWN_CHANNEL: 10003,
    ErrorCode.DISCORD_UNKNOWN_MESSAGE: 10008,
    ErrorCode.DISCORD_UNKNOWN_GUILD: 10004,
    ErrorCode.DISCORD_UNKNOWN_MEMBER: 10007,
    ErrorCode.DISCORD_UNKNOWN_USER: 10013,
    ErrorCode.DISCORD_UNKNOWN_ROLE: 10011,
    ErrorCode.DISCORD_UNKNOWN_WEBHOOK: 10015,
    ErrorCode.DISCORD_UNKNOWN_EMOJI: 10014,
    ErrorCode.DISCORD_NOT_FOUND: 10009,
    ErrorCode.DISCORD_MISSING_ACCESS: 50001,
    ErrorCode.DISCORD_MISSING_PERMISSIONS: 50013,
    ErrorCode.DISCORD_BLOCKED_BY_USER: 90001,
    ErrorCode.DISCORD_INVALID_FORM: 50035,
    ErrorCode.DISCORD_PAYLOAD_TOO_LARGE: 40005,
    ErrorCode.DISCORD_ACTION_NOT_ALLOWED: 50005,
    ErrorCode.DISCORD_WRONG_CHANNEL_TYPE: 50008,
    ErrorCode.DISCORD_CANNOT_MESSAGE_USER: 50007,
    ErrorCode.DISCORD_THREAD_ARCHIVED: 50083,
    ErrorCode.DISCORD_THREAD_LOCKED: 160005,
    ErrorCode.DISCORD_ALREADY_DONE: 40033,
    ErrorCode.DISCORD_LIMIT_REACHED: 30007,
    ErrorCode.DISCORD_BLOCKED_BY_AUTOMOD: 200000,
    ErrorCode.DISCORD_FORUM_RULES: 220001,
    ErrorCode.DISCORD_USER_BANNED: 40007,
    ErrorCode.DISCORD_GUILD_RESTRICTED: 20035,
    ErrorCode.DISCORD_BOT_NOT_ELIGIBLE: 40002,
    ErrorCode.DISCORD_REJECTED: 40060,
    ErrorCode.BOT_TOKEN_INVALID: 40001,
}
STATUSES: Final[Mapping[int, int]] = {403: 403, 404: 404, 413: 413, 502: 401}
"""Discord's HTTP status, by ours; any other refusal is a 400."""


def discord_said(code: ErrorCode) -> DiscordSaid | None:
    """Discord's own words behind a failure; None where the failure is not Discord's."""
    return DiscordSaid(STATUSES.get(code.http_status, 400), CODES[code]) if code in CODES else None

"""What Discord usually refuses an action with, for the documentation of both protocols.

No promise: Discord adds error codes without notice, and any other refusal is told as truly. Source: the error codes at
https://discord.com/developers/docs/topics/opcodes-and-status-codes#json.
"""

from typing import Final

from services.errors import ErrorCode

type Refusals = tuple[ErrorCode, ...]

_IN_CHANNEL: Final = (ErrorCode.DISCORD_UNKNOWN_CHANNEL, ErrorCode.DISCORD_MISSING_ACCESS)
_ON_MESSAGE: Final = (*_IN_CHANNEL, ErrorCode.DISCORD_UNKNOWN_MESSAGE, ErrorCode.DISCORD_THREAD_ARCHIVED)
_TEXT: Final = (ErrorCode.DISCORD_INVALID_FORM, ErrorCode.DISCORD_BLOCKED_BY_AUTOMOD)

POSTING: Final[Refusals] = (
    *_IN_CHANNEL,
    ErrorCode.DISCORD_MISSING_PERMISSIONS,
    *_TEXT,
    ErrorCode.DISCORD_CANNOT_MESSAGE_USER,
    ErrorCode.DISCORD_WRONG_CHANNEL_TYPE,
    ErrorCode.DISCORD_THREAD_LOCKED,
)
EDITING: Final[Refusals] = (*_ON_MESSAGE, ErrorCode.DISCORD_ACTION_NOT_ALLOWED, *_TEXT)
DELETING: Final[Refusals] = (
    *_ON_MESSAGE,
    ErrorCode.DISCORD_MISSING_PERMISSIONS,
    ErrorCode.DISCORD_ACTION_NOT_ALLOWED,
)
REACTING: Final[Refusals] = (
    *_ON_MESSAGE,
    ErrorCode.DISCORD_UNKNOWN_EMOJI,
    ErrorCode.DISCORD_MISSING_PERMISSIONS,
    ErrorCode.DISCORD_BLOCKED_BY_USER,
    ErrorCode.DISCORD_LIMIT_REACHED,
)
CREATING_WEBHOOK: Final[Refusals] = (
    *_IN_CHANNEL,
    ErrorCode.DISCORD_MISSING_PERMISSIONS,
    ErrorCode.DISCORD_INVALID_FORM,
    ErrorCode.DISCORD_WRONG_CHANNEL_TYPE,
    ErrorCode.DISCORD_LIMIT_REACHED,
)
THROUGH_WEBHOOK: Final[Refusals] = (
    ErrorCode.DISCORD_UNKNOWN_WEBHOOK,
    ErrorCode.DISCORD_UNKNOWN_CHANNEL,
    *_TEXT,
    ErrorCode.DISCORD_FORUM_RULES,
    ErrorCode.DISCORD_THREAD_LOCKED,
)
IN_GUILD: Final[Refusals] = (
    ErrorCode.DISCORD_UNKNOWN_GUILD,
    ErrorCode.DISCORD_MISSING_ACCESS,
    ErrorCode.DISCORD_MISSING_PERMISSIONS,
)
ON_MEMBER: Final[Refusals] = (*IN_GUILD, ErrorCode.DISCORD_UNKNOWN_MEMBER)

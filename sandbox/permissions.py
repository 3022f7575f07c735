"""Discord's permission bits and how they combine.

Guild level: the union of @everyone and the member's roles; owner and ADMINISTRATOR hold everything. Channel
level: overwrites of @everyone, then of all roles together, then of the member
(https://discord.com/developers/docs/topics/permissions).
"""

from collections.abc import Iterable, Mapping
from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.model import Guild, Overwrite


class Permission(IntFlag):
    """The bits that matter to the routes served here."""

    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    MANAGE_THREADS = 1 << 34
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40


EVERYTHING = Permission((1 << 53) - 1)
NOTHING = Permission(0)


def parse_permissions(names: Iterable[str]) -> Permission:
    """The union of permissions named as in `Permission`. Raises KeyError for an unknown name."""
    union = NOTHING
    for name in names:
        union |= Permission[name]
    return union


def names(permissions: Permission) -> list[str]:
    """The known permissions in a set, by name."""
    return [permission.name for permission in Permission if permission in permissions and permission.name]


def guild_permissions(guild: "Guild", user_id: str) -> Permission:
    """What a member may do before any channel changes it."""
    if user_id == guild.owner_id:
        return EVERYTHING
    union = guild.roles[guild.id].permissions
    for role_id in guild.members[user_id].roles:
        union |= guild.roles[role_id].permissions
    return EVERYTHING if Permission.ADMINISTRATOR in union else union


def channel_permissions(guild: "Guild", user_id: str, overwrites: Mapping[str, "Overwrite"]) -> Permission:
    """What a member may do in a channel with these overwrites."""
    held = guild_permissions(guild, user_id)
    if held == EVERYTHING or not overwrites:
        return held
    held = _overwritten(held, overwrites, [guild.id])
    held = _overwritten(held, overwrites, guild.members[user_id].roles)
    return _overwritten(held, overwrites, [user_id])


def _overwritten(held: Permission, overwrites: Mapping[str, "Overwrite"], ids: Iterable[str]) -> Permission:
    allow = deny = NOTHING
    for overwrite in (overwrites[key] for key in ids if key in overwrites):
        allow |= overwrite.allow
        deny |= overwrite.deny
    return (held & ~deny) | allow


def top_position(guild: "Guild", user_id: str) -> int:
    """Position of the member's highest role; 0 is @everyone."""
    return max((guild.roles[role_id].position for role_id in guild.members[user_id].roles), default=0)

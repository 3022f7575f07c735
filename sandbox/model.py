"""What exists on the sandbox's Discord. Plain values; the rules live elsewhere.

Ids are decimal strings, as on the wire. Times are ISO 8601 strings in UTC, ready to be sent.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from sandbox.permissions import NOTHING, Permission


class ChannelType(IntEnum):
    """https://discord.com/developers/docs/resources/channel#channel-object-channel-types."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    PUBLIC_THREAD = 11
    FORUM = 15


class MessageType(IntEnum):
    """Those in use of https://discord.com/developers/docs/resources/message#message-object-message-types."""

    DEFAULT = 0
    CHANNEL_NAME_CHANGE = 4
    USER_JOIN = 7
    REPLY = 19


WRITABLE_CHANNELS = frozenset(
    {
        ChannelType.TEXT,
        ChannelType.DM,
        ChannelType.VOICE,
        ChannelType.ANNOUNCEMENT,
        ChannelType.PUBLIC_THREAD,
    }
)
UNDELETABLE_MESSAGES = frozenset({1, 2, 3, 4, 5, 21})
AUTHORED_MESSAGES = frozenset({MessageType.DEFAULT, MessageType.REPLY})


@dataclass(slots=True)
class User:
    """An account, or the face a webhook shows."""

    id: str
    username: str
    global_name: str | None = None
    bot: bool = False


@dataclass(slots=True)
class Role:
    """A role of one guild; the one with the guild's id is @everyone. Higher positions outrank lower ones."""

    id: str
    name: str
    position: int
    permissions: Permission = NOTHING
    color: int = 0
    hoist: bool = False
    managed: bool = False
    mentionable: bool = False


@dataclass(slots=True)
class Member:
    """A user inside one guild."""

    user: User
    joined_at: str
    nick: str | None = None
    roles: list[str] = field(default_factory=list)
    communication_disabled_until: str | None = None
    mute: bool = False
    deaf: bool = False
    flags: int = 0


@dataclass(slots=True)
class Ban:
    """A user kept out of one guild."""

    user: User
    reason: str | None = None
    delete_message_seconds: int = 0


@dataclass(slots=True)
class CustomEmoji:
    """An emoji of one guild."""

    id: str
    name: str
    animated: bool = False


@dataclass(slots=True)
class Guild:
    """A server. `bot_is_member` False: it exists, and the bot sees nothing of it."""

    id: str
    name: str
    owner_id: str
    description: str = ""
    bot_is_member: bool = True
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    bans: dict[str, Ban] = field(default_factory=dict)
    emojis: dict[str, CustomEmoji] = field(default_factory=dict)


@dataclass(slots=True)
class Overwrite:
    """Permissions of one role or member changed inside one channel."""

    allow: Permission = NOTHING
    deny: Permission = NOTHING


@dataclass(slots=True)
class Pings:
    """Who a message really notified."""

    users: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)


@dataclass(slots=True)
class Reaction:
    """One emoji under a message: `key` is the unicode text or the custom emoji's id."""

    key: str
    name: str
    emoji_id: str | None
    user_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """A message as it stands; `pings` is what Discord would have notified, `author` may be a webhook's face."""

    id: str
    channel_id: str
    author: User
    content: str
    timestamp: str
    type: int = MessageType.DEFAULT
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[Any] = field(default_factory=list)
    reactions: dict[str, Reaction] = field(default_factory=dict)
    pings: Pings = field(default_factory=Pings)
    edited_timestamp: str | None = None
    tts: bool = False
    flags: int = 0
    nonce: str | int | None = None
    webhook_id: str | None = None
    reference: dict[str, Any] | None = None


@dataclass(slots=True)
class Channel:
    """A channel, thread or DM. `accepts_bot` False: the other side of a DM refuses the bot's messages."""

    id: str
    type: ChannelType
    name: str | None = None
    guild_id: str | None = None
    topic: str | None = None
    position: int = 0
    parent_id: str | None = None
    owner_id: str | None = None
    overwrites: dict[str, Overwrite] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    archived: bool = False
    locked: bool = False
    recipient_id: str | None = None
    accepts_bot: bool = True

    @property
    def is_thread(self) -> bool:
        return self.type is ChannelType.PUBLIC_THREAD


@dataclass(slots=True)
class Webhook:
    """An incoming webhook. Its token lets anyone post through it."""

    id: str
    token: str
    name: str
    channel_id: str
    guild_id: str
    creator: User
    avatar: str | None = None
    application_id: str | None = None


@dataclass(slots=True)
class AuditLogEntry:
    """What the guild's own audit log would show; `reason` is the decoded X-Audit-Log-Reason."""

    guild_id: str | None
    action: str
    target_id: str
    reason: str | None
    at: str

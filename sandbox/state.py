"""The sandbox's Discord as one object: who and what exists, and the questions endpoints ask of it.

Lookups raise the `DiscordError` that Discord answers with. Everything that grows is bounded.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from sandbox.clock import DISCORD_EPOCH_MILLISECONDS, Clock
from sandbox.errors import JsonCode, refusal
from sandbox.model import AuditLogEntry, Channel, Guild, Member, Message, Overwrite, Role, User, Webhook
from sandbox.nonces import Nonces
from sandbox.options import Options
from sandbox.permissions import (
    EVERYTHING,
    NOTHING,
    Permission,
    channel_permissions,
    guild_permissions,
    top_position,
)

MAX_AUDIT_LOG_ENTRIES = 1_000
MAX_CHANNELS = 2_000
SEQUENCE_MASK = (1 << 22) - 1


@dataclass(slots=True)
class World:
    """All state a request can read or change."""

    clock: Clock
    options: Options
    bot: User
    users: dict[str, User] = field(default_factory=dict)
    guilds: dict[str, Guild] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    nonces: Nonces = field(default_factory=Nonces)
    audit_log: deque[AuditLogEntry] = field(default_factory=lambda: deque(maxlen=MAX_AUDIT_LOG_ENTRIES))
    _sequence: "count[int]" = field(default_factory=lambda: count(1))

    def new_id(self) -> str:
        """A snowflake of this moment, never given twice."""
        milliseconds = int(self.clock.wall() * 1000) - DISCORD_EPOCH_MILLISECONDS
        return str((milliseconds << 22) | (next(self._sequence) & SEQUENCE_MASK))

    def now(self) -> str:
        return datetime.fromtimestamp(self.clock.wall(), UTC).isoformat(timespec="microseconds")

    def sent_at(self, message: Message) -> float:
        """Seconds since 1970."""
        return datetime.fromisoformat(message.timestamp).timestamp()

    def guild(self, guild_id: str) -> Guild:
        """Raises 10004 for a guild that is not there, 50001 for one the bot is not in."""
        guild = self.guilds.get(guild_id)
        if guild is None:
            raise refusal(JsonCode.UNKNOWN_GUILD)
        if not guild.bot_is_member:
            raise refusal(JsonCode.MISSING_ACCESS)
        return guild

    def channel(self, channel_id: str) -> Channel:
        """Raises 10003, or 50001 when the bot may not see the channel."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise refusal(JsonCode.UNKNOWN_CHANNEL)
        if channel.guild_id is not None and not self.guilds[channel.guild_id].bot_is_member:
            raise refusal(JsonCode.MISSING_ACCESS)
        if Permission.VIEW_CHANNEL not in self.permissions_in(channel):
            raise refusal(JsonCode.MISSING_ACCESS)
        return channel

    def message(self, channel: Channel, message_id: str) -> Message:
        """Raises 10008."""
        message = channel.messages.get(message_id)
        if message is None:
            raise refusal(JsonCode.UNKNOWN_MESSAGE)
        return message

    def user(self, user_id: str) -> User:
        """Raises 10013."""
        user = self.users.get(user_id)
        if user is None:
            raise refusal(JsonCode.UNKNOWN_USER)
        return user

    def member(self, guild: Guild, user_id: str) -> Member:
        """Raises 10013 for an account that does not exist, 10007 for one outside the guild."""
        self.user(user_id)
        member = guild.members.get(user_id)
        if member is None:
            raise refusal(JsonCode.UNKNOWN_MEMBER)
        return member

    def role(self, guild: Guild, role_id: str) -> Role:
        """Raises 10011."""
        role = guild.roles.get(role_id)
        if role is None:
            raise refusal(JsonCode.UNKNOWN_ROLE)
        return role

    def webhook(self, webhook_id: str) -> Webhook:
        """Raises 10015."""
        webhook = self.webhooks.get(webhook_id)
        if webhook is None:
            raise refusal(JsonCode.UNKNOWN_WEBHOOK)
        return webhook

    def overwrites_of(self, channel: Channel) -> dict[str, Overwrite]:
        """A thread lives under its parent's overwrites."""
        parent = self.channels.get(channel.parent_id or "") if channel.is_thread else None
        return channel.overwrites if parent is None else parent.overwrites

    def permissions_in(self, channel: Channel) -> Permission:
        """What the bot may do in the channel; in a DM there is nothing to forbid."""
        if channel.guild_id is None:
            return EVERYTHING
        return channel_permissions(self.guilds[channel.guild_id], self.bot.id, self.overwrites_of(channel))

    def require(self, channel: Channel, *needed: Permission) -> None:
        """Raises 50013 unless the bot holds each of them in the channel."""
        held = self.permissions_in(channel)
        if any(permission not in held for permission in needed):
            raise refusal(JsonCode.MISSING_PERMISSIONS)

    def require_in_guild(self, guild: Guild, needed: Permission) -> None:
        """Raises 50013 unless the bot holds it in the guild."""
        if needed not in guild_permissions(guild, self.bot.id):
            raise refusal(JsonCode.MISSING_PERMISSIONS)

    def require_above(self, guild: Guild, user_id: str) -> None:
        """Raises 50013 unless the bot's top role is above the member's; nobody is above the owner or oneself."""
        is_below = top_position(guild, user_id) < top_position(guild, self.bot.id)
        if user_id == guild.owner_id or not is_below:
            raise refusal(JsonCode.MISSING_PERMISSIONS)

    def require_role_below(self, guild: Guild, role: Role) -> None:
        """Raises 50013 for a role the bot may not hand out, 50028 for @everyone."""
        if role.id == guild.id:
            raise refusal(JsonCode.INVALID_ROLE)
        if role.managed or role.position >= top_position(guild, self.bot.id):
            raise refusal(JsonCode.MISSING_PERMISSIONS)

    def keep(self, message: Message) -> Message:
        """Stores a message; the channel's oldest one leaves when there are too many."""
        messages = self.channels[message.channel_id].messages
        messages[message.id] = message
        while len(messages) > self.options.messages_per_channel:
            del messages[next(iter(messages))]
        return message

    def open_channel(self, channel: Channel) -> Channel:
        """Stores a new channel. Raises 160006 when there are too many."""
        if len(self.channels) >= MAX_CHANNELS:
            raise refusal(JsonCode.TOO_MANY_THREADS)
        self.channels[channel.id] = channel
        return channel

    def log(self, guild_id: str | None, action: str, target_id: str, reason: str | None) -> None:
        """Writes the guild's audit log."""
        self.audit_log.append(AuditLogEntry(guild_id, action, target_id, reason, self.now()))

    def change_bot_permissions(
        self,
        guild_id: str,
        *,
        grant: Permission = NOTHING,
        revoke: Permission = NOTHING,
        channel_id: str | None = None,
    ) -> None:
        """Gives the bot permissions or takes them away, in the whole guild or in one channel of it.

        Works on an overwrite of the bot itself where a channel is named, else on the roles the bot holds and
        on @everyone.
        """
        guild = self.guilds[guild_id]
        if channel_id is not None:
            overwrite = self.channels[channel_id].overwrites.setdefault(self.bot.id, Overwrite())
            overwrite.allow = (overwrite.allow | grant) & ~revoke
            overwrite.deny = (overwrite.deny & ~grant) | revoke
            return
        held = [guild.roles[role_id] for role_id in (guild.id, *guild.members[self.bot.id].roles)]
        for role in held:
            role.permissions &= ~revoke
        held[-1].permissions |= grant

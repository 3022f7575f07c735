"""Guilds with their members and bans, channels, webhooks. A webhook's token is its credential and is not shown."""

from typing import Any

from sandbox.model import Channel, Guild, Member, User, Webhook
from sandbox.state import World

MAX_CHANNELS = 200
MAX_WEBHOOKS = 100
MAX_MEMBERS = 500
Parts = dict[str, Any]


def place_parts(world: World) -> Parts:
    """`users`, and a part for each guild, channel and webhook."""
    channels = shown_channels(world)
    return {
        "users": {user.id: shown_user(user) for user in world.users.values()},
        "channels": {"hidden": len(world.channels) - len(channels)},
        **{f"guild/{guild.id}": _guild(guild) for guild in world.guilds.values()},
        **{f"channel/{channel.id}": _channel(channel) for channel in channels},
        **{f"webhook/{hook.id}": _webhook(hook) for hook in list(world.webhooks.values())[-MAX_WEBHOOKS:]},
    }


def shown_channels(world: World) -> list[Channel]:
    """Those that are no threads, and the newest threads as far as there is room."""
    lasting = [channel for channel in world.channels.values() if not channel.is_thread][:MAX_CHANNELS]
    threads = [channel for channel in world.channels.values() if channel.is_thread]
    room = MAX_CHANNELS - len(lasting)
    return lasting + (threads[-room:] if room else [])


def shown_user(user: User) -> Parts:
    """An account, or the face of a webhook."""
    return {"id": user.id, "username": user.username, "name": user.global_name or user.username, "is_bot": user.bot}


def _guild(guild: Guild) -> Parts:
    return {
        "id": guild.id,
        "name": guild.name,
        "description": guild.description,
        "bot_is_member": guild.bot_is_member,
        "owner_id": guild.owner_id,
        "roles": [
            {"id": role.id, "name": role.name, "color": role.color, "position": role.position}
            for role in guild.roles.values()
        ],
        "members": [_member(member) for member in list(guild.members.values())[:MAX_MEMBERS]],
        "member_count": len(guild.members),
        "bans": [
            {"user": shown_user(ban.user), "reason": ban.reason} for ban in list(guild.bans.values())[-MAX_MEMBERS:]
        ],
        "emojis": {emoji.id: emoji.name for emoji in guild.emojis.values()},
    }


def _member(member: Member) -> Parts:
    return {
        "id": member.user.id,
        "nick": member.nick,
        "roles": list(member.roles),
        "timed_out_until": member.communication_disabled_until,
    }


def _channel(channel: Channel) -> Parts:
    return {
        "id": channel.id,
        "type": int(channel.type),
        "name": channel.name,
        "guild_id": channel.guild_id,
        "parent_id": channel.parent_id,
        "topic": channel.topic,
        "position": channel.position,
        "is_archived": channel.archived,
        "is_locked": channel.locked,
        "recipient_id": channel.recipient_id,
        "last_message_id": next(reversed(channel.messages), None),
        "message_count": len(channel.messages),
    }


def _webhook(webhook: Webhook) -> Parts:
    return {"id": webhook.id, "name": webhook.name, "channel_id": webhook.channel_id, "guild_id": webhook.guild_id}

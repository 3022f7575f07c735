"""The whole state as JSON, as a page or a test over HTTP reads it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sandbox import render
from sandbox.model import Channel, Guild, Message
from sandbox.permissions import guild_permissions, names

if TYPE_CHECKING:
    from sandbox.server import Sandbox
    from sandbox.state import World


def snapshot(sandbox: "Sandbox", messages_per_channel: int) -> dict[str, Any]:
    """Everything that exists; of each channel the last messages only."""
    world = sandbox.world
    return {
        "base_url": sandbox.base_url,
        "clock": {"monotonic": sandbox.clock.monotonic(), "wall": sandbox.clock.wall()},
        "bot": render.own_user(world.bot),
        "users": {key: render.user(user) for key, user in world.users.items()},
        "guilds": {key: _guild(world, guild) for key, guild in world.guilds.items()},
        "channels": {key: _channel(world, channel, messages_per_channel) for key, channel in world.channels.items()},
        "webhooks": {key: render.webhook(hook, with_user=True) for key, hook in world.webhooks.items()},
        "audit_log": [asdict(entry) for entry in world.audit_log],
        "stats": sandbox.stats(),
    }


def _guild(world: "World", guild: Guild) -> dict[str, Any]:
    shape = render.guild(guild) | {
        "bot_is_member": guild.bot_is_member,
        "members": {key: render.member(member) for key, member in guild.members.items()},
        "bans": {key: asdict(ban) for key, ban in guild.bans.items()},
    }
    if guild.bot_is_member:
        shape["bot_permissions"] = names(guild_permissions(guild, world.bot.id))
    return shape


def _channel(world: "World", channel: Channel, messages: int) -> dict[str, Any]:
    kept = list(channel.messages.values())[-messages:] if messages else []
    shape = render.channel(world, channel) | {
        "message_count": len(channel.messages),
        "messages": [_message(world, message) for message in kept],
    }
    guild = world.guilds.get(channel.guild_id or "")
    if guild is None or guild.bot_is_member:
        shape["bot_permissions"] = names(world.permissions_in(channel))
    return shape


def _message(world: "World", message: Message) -> dict[str, Any]:
    return render.message(world, message) | {"pings": asdict(message.pings)}

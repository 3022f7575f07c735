"""State → the JSON objects Discord answers with.

Their fields: https://discord.com/developers/docs/resources/message and its siblings.
"""

from typing import Any

from sandbox.model import (
    Ban,
    Channel,
    ChannelType,
    CustomEmoji,
    Guild,
    Member,
    Message,
    Overwrite,
    Reaction,
    Role,
    User,
    Webhook,
)
from sandbox.state import World

Json = dict[str, Any]


def user(value: User) -> Json:
    """User object."""
    shape: Json = {
        "id": value.id,
        "username": value.username,
        "avatar": None,
        "discriminator": "0000" if value.bot else "0",
        "public_flags": 0,
        "flags": 0,
        "global_name": value.global_name,
        "primary_guild": None,
    }
    return shape | {"bot": True} if value.bot else shape


def own_user(value: User) -> Json:
    """User object, as GET /users/@me shows it."""
    return user(value) | {"mfa_enabled": True, "locale": "en-US", "verified": True, "email": None}


def member(value: Member) -> Json:
    """Guild Member object."""
    return {
        "user": user(value.user),
        "nick": value.nick,
        "avatar": None,
        "banner": None,
        "roles": list(value.roles),
        "joined_at": value.joined_at,
        "premium_since": None,
        "deaf": value.deaf,
        "mute": value.mute,
        "flags": value.flags,
        "pending": False,
        "communication_disabled_until": value.communication_disabled_until,
    }


def role(value: Role) -> Json:
    """Role object."""
    return {
        "id": value.id,
        "name": value.name,
        "permissions": str(int(value.permissions)),
        "position": value.position,
        "color": value.color,
        "colors": {"primary_color": value.color, "secondary_color": None, "tertiary_color": None},
        "hoist": value.hoist,
        "managed": value.managed,
        "mentionable": value.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


ABSENT_IN_GUILDS = [
    "icon",
    "splash",
    "discovery_splash",
    "banner",
    "home_header",
    "application_id",
    "vanity_url_code",
    "rules_channel_id",
    "public_updates_channel_id",
    "safety_alerts_channel_id",
    "system_channel_id",
    "afk_channel_id",
    "widget_channel_id",
    "max_presences",
    "incidents_data",
]


def guild(value: Guild) -> Json:
    """Guild object."""
    return dict.fromkeys(ABSENT_IN_GUILDS) | {
        "id": value.id,
        "name": value.name,
        "description": value.description or None,
        "owner_id": value.owner_id,
        "region": "rotterdam",
        "roles": [role(each) for each in value.roles.values()],
        "emojis": [emoji(each) for each in value.emojis.values()],
        "stickers": [],
        "features": [],
        "afk_timeout": 300,
        "default_message_notifications": 1,
        "explicit_content_filter": 2,
        "max_members": 25_000_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "mfa_level": 0,
        "nsfw": False,
        "nsfw_level": 0,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "premium_subscription_count": 0,
        "premium_tier": 0,
        "system_channel_flags": 0,
        "verification_level": 1,
        "widget_enabled": False,
    }


def emoji(value: CustomEmoji) -> Json:
    """Emoji object of a guild."""
    shape: Json = {"id": value.id, "name": value.name, "animated": value.animated, "available": True}
    return shape | {"managed": False, "require_colons": True, "roles": []}


def overwrite(key: str, value: Overwrite, *, is_role: bool) -> Json:
    """Overwrite object."""
    return {
        "id": key,
        "type": 0 if is_role else 1,
        "allow": str(int(value.allow)),
        "deny": str(int(value.deny)),
    }


def channel(world: World, value: Channel) -> Json:
    """Channel object."""
    shape: Json = {
        "id": value.id,
        "type": int(value.type),
        "last_message_id": next(reversed(value.messages), None),
        "flags": 0,
    }
    if value.type is ChannelType.DM:
        return shape | {"recipients": [user(world.users[value.recipient_id or ""])]}
    shape |= {"guild_id": value.guild_id, "name": value.name, "parent_id": value.parent_id}
    return shape | (_thread_part(value) if value.is_thread else _guild_part(world, value))


def _thread_part(value: Channel) -> Json:
    return {
        "owner_id": value.owner_id,
        "message_count": len(value.messages),
        "total_message_sent": len(value.messages),
        "member_count": 1,
        "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": value.archived,
            "locked": value.locked,
            "auto_archive_duration": 4320,
            "archive_timestamp": "2025-01-01T00:00:00.000000+00:00",
        },
    }


def _guild_part(world: World, value: Channel) -> Json:
    roles = world.guilds[value.guild_id or ""].roles
    return {
        "topic": value.topic,
        "position": value.position,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "permission_overwrites": [overwrite(key, each, is_role=key in roles) for key, each in value.overwrites.items()],
    }


def reaction(value: Reaction, own_id: str) -> Json:
    """Reaction object."""
    count = len(value.user_ids)
    return {
        "emoji": {"id": value.emoji_id, "name": value.name},
        "count": count,
        "count_details": {"burst": 0, "normal": count},
        "burst_colors": [],
        "me_burst": False,
        "burst_me": False,
        "me": own_id in value.user_ids,
        "burst_count": 0,
    }


def message(world: World, value: Message) -> Json:
    """Message object."""
    shape: Json = {
        "id": value.id,
        "type": value.type,
        "channel_id": value.channel_id,
        "author": user(value.author),
        "content": value.content,
        "timestamp": value.timestamp,
        "edited_timestamp": value.edited_timestamp,
        "tts": value.tts,
        "mention_everyone": value.pings.everyone,
        "mentions": [user(world.users[key]) for key in value.pings.users],
        "mention_roles": list(value.pings.roles),
        "attachments": [],
        "embeds": value.embeds,
        "components": value.components,
        "pinned": False,
        "flags": value.flags,
    }
    return shape | _message_extras(world, value)


def _message_extras(world: World, value: Message) -> Json:
    extras: Json = {}
    if value.reactions:
        extras["reactions"] = [reaction(each, world.bot.id) for each in value.reactions.values()]
    if value.nonce is not None:
        extras["nonce"] = value.nonce
    if value.webhook_id is not None:
        extras["webhook_id"] = value.webhook_id
    if value.reference is not None:
        extras["message_reference"] = value.reference
    return extras


def webhook(value: Webhook, *, with_user: bool) -> Json:
    """Webhook object."""
    shape: Json = {
        "id": value.id,
        "type": 1,
        "name": value.name,
        "avatar": value.avatar,
        "channel_id": value.channel_id,
        "guild_id": value.guild_id,
        "application_id": value.application_id,
        "token": value.token,
        "url": f"https://discord.com/api/webhooks/{value.id}/{value.token}",
    }
    return shape | {"user": user(value.creator)} if with_user else shape


def ban(value: Ban) -> Json:
    """Ban object."""
    return {"user": user(value.user), "reason": value.reason}

"""The newest messages of one channel."""

from dataclasses import asdict
from itertools import islice
from typing import Any

from sandbox.model import Channel, Message, Reaction
from sandbox.page.places import shown_user
from sandbox.state import World

MAX_MESSAGES = 100
EXCERPT_CHARACTERS = 120
Parts = dict[str, Any]


def message_parts(world: World, channel_id: str) -> Parts:
    """`message/ID` → the message; nothing for a channel that is not there."""
    channel = world.channels.get(channel_id)
    if channel is None:
        return {}
    newest = list(islice(reversed(channel.messages.values()), MAX_MESSAGES))
    return {f"message/{message.id}": _message(world, channel, message) for message in reversed(newest)}


def _message(world: World, channel: Channel, message: Message) -> Parts:
    return {
        "id": message.id,
        "channel_id": message.channel_id,
        "type": int(message.type),
        "author": shown_user(message.author),
        "webhook_id": message.webhook_id,
        "content": message.content,
        "sent_at": message.timestamp,
        "edited_at": message.edited_timestamp,
        "embeds": message.embeds,
        "has_components": bool(message.components),
        "reactions": [_reaction(world, each) for each in message.reactions.values()],
        "pings": asdict(message.pings),
        "answers": _answered(channel, message),
    }


def _reaction(world: World, reaction: Reaction) -> Parts:
    return {
        "name": reaction.name,
        "emoji_id": reaction.emoji_id,
        "count": len(reaction.user_ids),
        "is_own": world.bot.id in reaction.user_ids,
    }


def _answered(channel: Channel, message: Message) -> Parts | None:
    """The message replied to, in short; with `author` None when it is gone."""
    if message.reference is None:
        return None
    replied = channel.messages.get(message.reference["message_id"])
    if replied is None:
        return {"author": None, "excerpt": ""}
    return {"author": shown_user(replied.author), "excerpt": replied.content[:EXCERPT_CHARACTERS]}

"""The bot's own reactions: https://discord.com/developers/docs/resources/message#create-reaction."""

from sandbox.call import Answer, Call, no_content
from sandbox.emoji import parse_emoji
from sandbox.endpoints.messages import require_open
from sandbox.errors import JsonCode, refusal
from sandbox.model import Reaction
from sandbox.permissions import Permission

MAX_DISTINCT = 20


def add(call: Call) -> Answer:
    """PUT .../reactions/{emoji}/@me. The first of an emoji needs ADD_REACTIONS, joining one does not."""
    world = call.world
    channel = world.channel(call.params["channel_id"])
    world.require(channel, Permission.READ_MESSAGE_HISTORY)
    message = world.message(channel, call.params["message_id"])
    emoji = parse_emoji(call.params["emoji"], world.guilds)
    require_open(channel)
    reaction = message.reactions.get(emoji.key)
    if reaction is None:
        world.require(channel, Permission.ADD_REACTIONS)
        if len(message.reactions) >= MAX_DISTINCT:
            raise refusal(JsonCode.TOO_MANY_REACTIONS)
        reaction = message.reactions[emoji.key] = Reaction(emoji.key, emoji.name, emoji.custom_id)
    if world.bot.id not in reaction.user_ids:
        reaction.user_ids.append(world.bot.id)
    return no_content()


def remove(call: Call) -> Answer:
    """DELETE .../reactions/{emoji}/@me. Nothing to remove is a success too."""
    world = call.world
    channel = world.channel(call.params["channel_id"])
    message = world.message(channel, call.params["message_id"])
    emoji = parse_emoji(call.params["emoji"], world.guilds)
    require_open(channel)
    reaction = message.reactions.get(emoji.key)
    if reaction is not None and world.bot.id in reaction.user_ids:
        reaction.user_ids.remove(world.bot.id)
        if not reaction.user_ids:
            del message.reactions[emoji.key]
    return no_content()

"""Putting a message into a channel and changing it: what create, edit and webhook execute have in common."""

from typing import Any

from sandbox.errors import JsonCode, refusal
from sandbox.mentions import EVERYTHING_ALLOWED, USERS_ALLOWED, AllowedMentions, pings
from sandbox.model import AUTHORED_MESSAGES, Channel, Message, MessageType, Pings, User
from sandbox.permissions import EVERYTHING, Permission
from sandbox.state import World
from sandbox.validation.form import Violations
from sandbox.validation.message import SUPPRESS_EMBEDS, Draft, Reference


def post(world: World, channel: Channel, draft: Draft, author: User, webhook_id: str | None = None) -> Message:
    """Makes the message of a draft and keeps it. Raises 50035 or 160002 for a reply that cannot be."""
    replied = _replied_message(world, channel, draft.reference)
    message = Message(
        id=world.new_id(),
        channel_id=channel.id,
        author=author,
        content=draft.content or "",
        timestamp=world.now(),
        type=MessageType.DEFAULT if replied is None else MessageType.REPLY,
        embeds=draft.embeds or [],
        components=draft.components or [],
        tts=draft.tts,
        flags=draft.flags or 0,
        nonce=draft.nonce,
        webhook_id=webhook_id,
        reference=_reference_shape(channel, replied),
    )
    message.pings = _pings(world, channel, message, draft.allowed, replied)
    return world.keep(message)


def change(world: World, channel: Channel, message: Message, draft: Draft) -> None:
    """Applies an edit. Mentions are read anew, with the defaults of a new message unless the edit says
    otherwise.

    Raises 50006 when nothing visible would remain.
    """
    content = (draft.content or "") if "content" in draft.given else message.content
    embeds = (draft.embeds or []) if "embeds" in draft.given else message.embeds
    components = (draft.components or []) if "components" in draft.given else message.components
    if not (content or embeds or components):
        raise refusal(JsonCode.EMPTY_MESSAGE)
    message.content, message.embeds, message.components = content, embeds, components
    change_flags(message, draft)
    message.pings = _pings(world, channel, message, draft.allowed, None)
    message.edited_timestamp = world.now()


def change_flags(message: Message, draft: Draft) -> None:
    """Of all flags, only the suppression of embeds can be taken back."""
    if draft.flags is not None:
        message.flags = (message.flags & ~SUPPRESS_EMBEDS) | draft.flags


def _pings(
    world: World, channel: Channel, message: Message, allowed: AllowedMentions | None, replied: Message | None
) -> Pings:
    by_webhook = message.webhook_id is not None
    if allowed is None:
        allowed = USERS_ALLOWED if by_webhook else EVERYTHING_ALLOWED
    guild = world.guilds[channel.guild_id] if channel.guild_id else None
    found = pings(
        message.content, allowed, guild, _sender_permissions(world, channel, by_webhook=by_webhook), set(world.users)
    )
    if replied is not None and allowed.replied_user and replied.author.id not in found.users:
        found.users.append(replied.author.id)
    return found


def _sender_permissions(world: World, channel: Channel, *, by_webhook: bool) -> Permission:
    """A webhook speaks with the rights of @everyone."""
    if channel.guild_id is None:
        return EVERYTHING
    if by_webhook:
        return world.guilds[channel.guild_id].roles[channel.guild_id].permissions
    return world.permissions_in(channel)


def _replied_message(world: World, channel: Channel, reference: Reference | None) -> Message | None:
    if reference is None:
        return None
    if Permission.READ_MESSAGE_HISTORY not in world.permissions_in(channel):
        raise refusal(JsonCode.REPLY_NEEDS_HISTORY)
    if reference.channel_id not in (None, channel.id):
        raise _reply_refused(
            "REPLIES_CANNOT_REFERENCE_OTHER_CHANNEL", "Cannot reply to a message in a different channel"
        )
    target = channel.messages.get(reference.message_id)
    if target is None:
        if reference.fail_if_not_exists:
            raise _reply_refused("REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None
    if target.type not in AUTHORED_MESSAGES:
        raise _reply_refused("REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message")
    return target


def _reply_refused(code: str, message: str) -> Exception:
    violations = Violations()
    violations.add(("message_reference",), code, message)
    return refusal(JsonCode.INVALID_FORM, violations.tree)


def _reference_shape(channel: Channel, replied: Message | None) -> dict[str, Any] | None:
    if replied is None:
        return None
    return {"type": 0, "message_id": replied.id, "channel_id": channel.id, "guild_id": channel.guild_id}

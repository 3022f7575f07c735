"""Messages: https://discord.com/developers/docs/resources/message."""

from sandbox import posting, render
from sandbox.call import Answer, Call, no_content, ok
from sandbox.errors import JsonCode, refusal
from sandbox.model import (
    AUTHORED_MESSAGES,
    UNDELETABLE_MESSAGES,
    WRITABLE_CHANNELS,
    Channel,
    ChannelType,
    Message,
)
from sandbox.nonces import Remembered
from sandbox.permissions import Permission
from sandbox.validation.form import Form, is_snowflake
from sandbox.validation.message import CREATE_FIELDS, EDIT_FIELDS, Draft, read_draft

DEFAULT_PAGE = 50
MAX_PAGE = 100


def create(call: Call) -> Answer:
    """POST /channels/{channel_id}/messages."""
    channel = call.world.channel(call.params["channel_id"])
    _require_sendable(call, channel)
    draft = _draft(call, CREATE_FIELDS)
    draft.require_content()
    _require_extras(call, channel, draft)
    repeated = _repeated(call, draft)
    if repeated is not None:
        return ok(render.message(call.world, repeated))
    message = posting.post(call.world, channel, draft, call.world.bot)
    _remember(call, draft, message)
    return ok(render.message(call.world, message))


def edit(call: Call) -> Answer:
    """PATCH /channels/{channel_id}/messages/{message_id}."""
    channel, message = _located(call)
    require_open(channel)
    if message.type not in AUTHORED_MESSAGES:
        raise refusal(JsonCode.SYSTEM_MESSAGE)
    draft = _draft(call, EDIT_FIELDS)
    if message.author is call.world.bot and message.webhook_id is None:
        posting.change(call.world, channel, message, draft)
    elif draft.given == {"flags"}:
        call.world.require(channel, Permission.MANAGE_MESSAGES)
        posting.change_flags(message, draft)
    else:
        raise refusal(JsonCode.FOREIGN_MESSAGE)
    return ok(render.message(call.world, message))


def delete(call: Call) -> Answer:
    """DELETE /channels/{channel_id}/messages/{message_id}."""
    channel, message = _located(call)
    if message.type in UNDELETABLE_MESSAGES:
        raise refusal(JsonCode.SYSTEM_MESSAGE)
    require_open(channel)
    if message.author is not call.world.bot:
        if channel.type is ChannelType.DM:
            raise refusal(JsonCode.DM_CHANNEL)
        call.world.require(channel, Permission.MANAGE_MESSAGES)
    del channel.messages[message.id]
    call.world.log(channel.guild_id, "message_delete", message.id, call.reason)
    return no_content()


def get(call: Call) -> Answer:
    """GET /channels/{channel_id}/messages/{message_id}."""
    channel = call.world.channel(call.params["channel_id"])
    call.world.require(channel, Permission.READ_MESSAGE_HISTORY)
    return ok(render.message(call.world, call.world.message(channel, call.params["message_id"])))


def page(call: Call) -> Answer:
    """GET /channels/{channel_id}/messages, newest first; `before`, `after` and `limit` are served."""
    channel = call.world.channel(call.params["channel_id"])
    query = Form({key: _number(value) for key, value in call.query.items()}, call.problems)
    query.note_unknown({"limit", "before", "after"})
    limit = query.integer("limit", 1, MAX_PAGE) or DEFAULT_PAGE
    before, after = (int(call.query.get(name, "0")) for name in ("before", "after") if _is_id(call, name))
    query.violations.raise_if_any()
    if Permission.READ_MESSAGE_HISTORY not in call.world.permissions_in(channel):
        return ok([])
    kept = [
        message
        for message in channel.messages.values()
        if int(message.id) > after and (not before or int(message.id) < before)
    ]
    kept.sort(key=lambda message: int(message.id))
    chosen = kept[:limit] if after and not before else kept[-limit:]
    return ok([render.message(call.world, message) for message in reversed(chosen)])


def require_open(channel: Channel) -> None:
    """Raises 50083 inside an archived thread."""
    if channel.archived:
        raise refusal(JsonCode.THREAD_ARCHIVED)


def _is_id(call: Call, name: str) -> bool:
    value = call.query.get(name, "0")
    if is_snowflake(value):
        return True
    form = Form({name: value}, call.problems)
    form.snowflake(name)
    form.violations.raise_if_any()
    return False


def _number(value: str) -> int | str:
    return int(value) if is_snowflake(value) else value


def _located(call: Call) -> tuple[Channel, Message]:
    channel = call.world.channel(call.params["channel_id"])
    return channel, call.world.message(channel, call.params["message_id"])


def _draft(call: Call, known: frozenset[str]) -> Draft:
    form = Form(call.body, call.problems)
    draft = read_draft(form, known)
    form.violations.raise_if_any()
    return draft


def _require_sendable(call: Call, channel: Channel) -> None:
    if channel.type not in WRITABLE_CHANNELS:
        raise refusal(JsonCode.NON_TEXT_CHANNEL)
    if not channel.accepts_bot:
        raise refusal(JsonCode.CANNOT_DM_USER)
    needed = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    call.world.require(channel, needed)
    require_open(channel)


def _require_extras(call: Call, channel: Channel, draft: Draft) -> None:
    if draft.embeds:
        call.world.require(channel, Permission.EMBED_LINKS)
    if draft.tts:
        call.world.require(channel, Permission.SEND_TTS_MESSAGES)


def _repeated(call: Call, draft: Draft) -> Message | None:
    """The message this nonce already made. Raises 10008 when it was deleted since."""
    if not draft.enforce_nonce or draft.nonce is None:
        return None
    world = call.world
    found = world.nonces.find(world.bot.id, draft.nonce, world.clock.monotonic())
    if found is None:
        return None
    message = world.message(world.channels[found.channel_id], found.message_id)
    if message.channel_id != call.params["channel_id"] or message.content != (draft.content or ""):
        call.problems.append("nonce used before for another message")
    return message


def _remember(call: Call, draft: Draft, message: Message) -> None:
    if not draft.enforce_nonce:
        return
    if draft.nonce is None:
        call.problems.append("enforce_nonce without a nonce does nothing")
        return
    world = call.world
    forgotten_at = world.clock.monotonic() + world.options.nonce_ttl_seconds
    world.nonces.remember(world.bot.id, draft.nonce, Remembered(message.channel_id, message.id, forgotten_at))

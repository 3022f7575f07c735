"""Webhooks: https://discord.com/developers/docs/resources/webhook.

A webhook's token is its whole credential.
"""

import base64
import binascii
import re
import secrets

from sandbox import posting, render
from sandbox.call import Answer, Call, no_content, ok
from sandbox.errors import JsonCode, refusal
from sandbox.model import WRITABLE_CHANNELS, Channel, ChannelType, User, Webhook
from sandbox.permissions import Permission
from sandbox.validation.form import Form
from sandbox.validation.message import WEBHOOK_FIELDS, read_draft
from sandbox.validation.names import read_webhook_name

MAX_PER_CHANNEL = 15
MAX_THREAD_NAME = 100
TOKEN_BYTES = 51
"""51 bytes are 68 characters of URL-safe base64: the length of Discord's own webhook tokens."""

HOSTS = frozenset({ChannelType.TEXT, ChannelType.VOICE, ChannelType.ANNOUNCEMENT, ChannelType.FORUM})
IMAGE_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,(.+)", re.DOTALL)


def create(call: Call) -> Answer:
    """POST /channels/{channel_id}/webhooks."""
    world = call.world
    channel = _hosting_channel(call)
    form = Form(call.body, call.problems)
    form.note_unknown({"name", "avatar"})
    form.require("name")
    name = read_webhook_name(form, "name")
    avatar = _avatar(form)
    form.violations.raise_if_any()
    if sum(hook.channel_id == channel.id for hook in world.webhooks.values()) >= MAX_PER_CHANNEL:
        raise refusal(JsonCode.TOO_MANY_WEBHOOKS)
    webhook = Webhook(
        id=world.new_id(),
        token=secrets.token_urlsafe(TOKEN_BYTES),
        name=name or "",
        channel_id=channel.id,
        guild_id=channel.guild_id or "",
        creator=world.bot,
        avatar=avatar,
        application_id=world.bot.id,
    )
    world.webhooks[webhook.id] = webhook
    world.log(channel.guild_id, "webhook_create", webhook.id, call.reason)
    return ok(render.webhook(webhook, with_user=True))


def of_channel(call: Call) -> Answer:
    """GET /channels/{channel_id}/webhooks."""
    channel = _hosting_channel(call)
    found = [hook for hook in call.world.webhooks.values() if hook.channel_id == channel.id]
    return ok([render.webhook(hook, with_user=True) for hook in found])


def get(call: Call) -> Answer:
    """GET /webhooks/{webhook_id}."""
    return ok(render.webhook(_managed(call), with_user=True))


def delete(call: Call) -> Answer:
    """DELETE /webhooks/{webhook_id}."""
    webhook = _managed(call)
    del call.world.webhooks[webhook.id]
    call.world.log(webhook.guild_id, "webhook_delete", webhook.id, call.reason)
    return no_content()


def get_with_token(call: Call) -> Answer:
    """GET /webhooks/{webhook_id}/{webhook_token}."""
    return ok(render.webhook(_opened(call), with_user=False))


def delete_with_token(call: Call) -> Answer:
    """DELETE /webhooks/{webhook_id}/{webhook_token}."""
    del call.world.webhooks[_opened(call).id]
    return no_content()


def execute(call: Call) -> Answer:
    """POST /webhooks/{webhook_id}/{webhook_token}: 204, or 200 with the message when `wait` is true."""
    webhook = _opened(call)
    form = Form(call.body, call.problems)
    draft = read_draft(form, WEBHOOK_FIELDS)
    username = read_webhook_name(form, "username") if form.has("username") else None
    form.url("avatar_url")
    thread_name = form.text("thread_name", MAX_THREAD_NAME)
    form.violations.raise_if_any()
    draft.require_content()
    channel = _target(call, webhook, thread_name)
    author = User(webhook.id, username or webhook.name, bot=True)
    message = posting.post(call.world, channel, draft, author, webhook.id)
    return ok(render.message(call.world, message)) if call.flag("wait") else no_content()


def _hosting_channel(call: Call) -> Channel:
    channel = call.world.channel(call.params["channel_id"])
    if channel.type is ChannelType.DM:
        raise refusal(JsonCode.DM_CHANNEL)
    call.world.require(channel, Permission.MANAGE_WEBHOOKS)
    if channel.type not in HOSTS:
        raise refusal(JsonCode.WRONG_CHANNEL_TYPE)
    return channel


def _managed(call: Call) -> Webhook:
    webhook = call.world.webhook(call.params["webhook_id"])
    channel = call.world.channel(webhook.channel_id)
    call.world.require(channel, Permission.MANAGE_WEBHOOKS)
    return webhook


def _opened(call: Call) -> Webhook:
    """The webhook its token opens. Raises 10015, or 50027 for a wrong token."""
    webhook = call.world.webhook(call.params["webhook_id"])
    if call.params["webhook_token"] != webhook.token:
        raise refusal(JsonCode.INVALID_WEBHOOK_TOKEN)
    return webhook


def _target(call: Call, webhook: Webhook, thread_name: str | None) -> Channel:
    """Where the message goes: the webhook's channel, one of its threads, or a new forum post."""
    home = call.world.channels[webhook.channel_id]
    thread_id = call.query.get("thread_id")
    is_forum = home.type is ChannelType.FORUM
    if thread_id and thread_name:
        raise refusal(JsonCode.FORUM_THREAD_TWICE)
    if thread_name and not is_forum:
        raise refusal(JsonCode.FORUM_THREAD_ELSEWHERE)
    if thread_id:
        return _thread(call, home, thread_id)
    if thread_name:
        return _new_post(call, home, thread_name)
    if is_forum:
        raise refusal(JsonCode.FORUM_THREAD_MISSING)
    if home.type not in WRITABLE_CHANNELS:
        raise refusal(JsonCode.NON_TEXT_CHANNEL)
    return home


def _thread(call: Call, home: Channel, thread_id: str) -> Channel:
    thread = call.world.channels.get(thread_id)
    if thread is None or thread.parent_id != home.id or not thread.is_thread:
        raise refusal(JsonCode.UNKNOWN_CHANNEL)
    if thread.locked:
        raise refusal(JsonCode.THREAD_LOCKED)
    thread.archived = False
    return thread


def _new_post(call: Call, forum: Channel, name: str) -> Channel:
    thread = Channel(call.world.new_id(), ChannelType.PUBLIC_THREAD, name, forum.guild_id, parent_id=forum.id)
    return call.world.open_channel(thread)


def _avatar(form: Form) -> str | None:
    value = form.fields.get("avatar")
    if value is None:
        return None
    match = IMAGE_DATA.fullmatch(value) if isinstance(value, str) else None
    try:
        image = base64.b64decode(match[1], validate=True) if match else b""
    except binascii.Error:
        image = b""
    if not image:
        form.refuse("avatar", "IMAGE_INVALID", "Invalid image data")
        return None
    return f"{len(image):032x}"

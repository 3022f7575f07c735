"""Messages: https://discord.com/developers/docs/resources/message."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, model_validator

from services.actions.base import Action, MessageSent, Rest, Stamp
from services.actions.usual_refusals import DELETING, EDITING, POSTING
from services.ports import Call, MessageBody, Repeat, Reply, Scope
from services.values import AllowedMentions, Content, Embed, Filled, Snowflake, mentions_to_discord, snowflake_time
from services.values.schemas import has_object, says

UNKNOWN_MESSAGE: Final = 10008
YOUNG: Final = timedelta(seconds=10)
OLD: Final = timedelta(days=14)


class SendMessage(Action):
    """Posts a message to a channel. Needs content, an embed, or both."""

    rest = Rest("POST", "/api/v1/message")
    scope = Scope.MESSAGES
    permission = "SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS), EMBED_LINKS for an embed"
    refusals = POSTING
    repeat = Repeat.WITH_NONCE
    audit_names = ("send_message",)
    outcome_type = MessageSent

    channel_id: Snowflake
    """The channel or thread."""
    content: Content = ""
    """At most 2000 characters of Discord's Markdown."""
    embed: Embed | None = None
    """An embed below the content."""
    allowed_mentions: AllowedMentions = ()
    """Any of `users`, `roles`, `everyone`, or `none` alone; absent: user mentions ping and nothing else does."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [says("content"), has_object("embed")]})

    @model_validator(mode="after")
    def _check_says_something(self) -> Self:
        if not self.content and self.embed is None:
            raise ValueError("needs content or an embed")
        return self

    def call(self, stamp: Stamp) -> Call:
        embeds = [self.embed] if self.embed else []
        return _create_message(self.channel_id, message_body(self.content, embeds, self.allowed_mentions), stamp)

    def outcome(self, reply: Reply) -> MessageSent:
        return MessageSent(message_id=reply.read(MessageBody).id)


class SendEmbed(Action):
    """Posts one embed to a channel."""

    rest = Rest("POST", "/api/v1/embed")
    scope = Scope.MESSAGES
    permission = "SEND_MESSAGES (in a thread SEND_MESSAGES_IN_THREADS) and EMBED_LINKS"
    refusals = POSTING
    repeat = Repeat.WITH_NONCE
    audit_names = ("send_embed",)
    outcome_type = MessageSent

    channel_id: Snowflake
    """The channel or thread."""
    embed: Embed
    """The embed."""
    allowed_mentions: AllowedMentions = ()
    """Any of `users`, `roles`, `everyone`, or `none` alone; absent: user mentions ping and nothing else does."""

    def call(self, stamp: Stamp) -> Call:
        return _create_message(self.channel_id, message_body("", [self.embed], self.allowed_mentions), stamp)

    def outcome(self, reply: Reply) -> MessageSent:
        return MessageSent(message_id=reply.read(MessageBody).id)


class EditMessage(Action):
    """Replaces the text of one of the bot's own messages. Its embeds stay."""

    rest = Rest("PATCH", "/api/v1/message/{channel_id}/{message_id}")
    scope = Scope.MESSAGES
    permission = "none: the bot must be the message's author"
    refusals = EDITING
    repeat = Repeat.SAME_EFFECT
    audit_names = ("edit_message",)

    channel_id: Snowflake
    """The message's channel or thread."""
    message_id: Snowflake
    """The message."""
    content: Annotated[Content, Filled]
    """1 to 2000 characters of Discord's Markdown."""
    allowed_mentions: AllowedMentions = ()
    """Any of `users`, `roles`, `everyone`, or `none` alone; absent: user mentions ping and nothing else does."""

    def call(self, stamp: Stamp) -> Call:
        return Call(
            "PATCH",
            "/channels/{channel_id}/messages/{message_id}",
            {"channel_id": self.channel_id, "message_id": self.message_id},
            major=self.channel_id,
            body=message_body(self.content, [], self.allowed_mentions),
            entity=f"message {self.channel_id}/{self.message_id}",
            reads=MessageBody,
        )


class DeleteMessage(Action):
    """Deletes a message."""

    rest = Rest("DELETE", "/api/v1/message/{channel_id}/{message_id}")
    scope = Scope.MESSAGES
    permission = "MANAGE_MESSAGES, unless the message is the bot's own"
    refusals = DELETING
    repeat = Repeat.ALREADY_DONE
    already_done_codes = frozenset({UNKNOWN_MESSAGE})
    audit_names = ("delete_message",)

    channel_id: Snowflake
    """The message's channel or thread."""
    message_id: Snowflake
    """The message."""

    def call(self, stamp: Stamp) -> Call:
        return Call(
            "DELETE",
            "/channels/{channel_id}/messages/{message_id}",
            {"channel_id": self.channel_id, "message_id": self.message_id},
            major=self.channel_id,
            reason=stamp.default_reason,
            variant=_age_class(self.message_id, stamp.accepted_at),
        )


def message_body(content: str, embeds: Sequence[Embed], mentions: Sequence[str]) -> dict[str, Any]:
    """The fields all ways of writing a message share; what is absent is left out."""
    body: dict[str, Any] = {"allowed_mentions": mentions_to_discord(mentions)}
    if content:
        body["content"] = content
    if embeds:
        body["embeds"] = [embed.to_discord() for embed in embeds]
    return body


def _create_message(channel_id: str, body: dict[str, Any], stamp: Stamp) -> Call:
    return Call(
        "POST",
        "/channels/{channel_id}/messages",
        {"channel_id": channel_id},
        major=channel_id,
        body={**body, "nonce": stamp.nonce, "enforce_nonce": True},
        reads=MessageBody,
    )


def _age_class(message_id: str, now: datetime) -> str:
    """Discord counts deletions of young, ordinary and old messages apart."""
    age = now - snowflake_time(message_id)
    if age < YOUNG:
        return "young"
    return "old" if age > OLD else "ordinary"

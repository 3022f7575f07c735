"""Webhooks: https://discord.com/developers/docs/resources/webhook."""

from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, model_validator

from services.actions.base import Action, Done, Outcome, Rest, Stamp
from services.actions.messages import message_body
from services.actions.usual_refusals import CREATING_WEBHOOK, THROUGH_WEBHOOK
from services.ports import Call, Json, Repeat, Reply, Scope, WebhookBody
from services.values import AllowedMentions, Content, Embed, Snowflake, WebhookName, WebhookUrl, check_embed_texts
from services.values.schemas import has_items, says

WEBHOOK_ADDRESS: Final = "https://discord.com/api/webhooks"


class WebhookCreated(Outcome):
    """A webhook was created."""

    webhook_url: str = Field(repr=False)
    """A credential: whoever has it can post to the channel. Answered, and kept nowhere."""

    def record(self) -> Json:
        return {"webhook_id": self.webhook_url.split("/")[-2]}


class CreateWebhook(Action):
    """Creates a webhook in a channel and returns its URL, which is a credential."""

    rest = Rest("POST", "/api/v1/webhook")
    scope = Scope.WEBHOOKS_CREATE
    permission = "MANAGE_WEBHOOKS"
    refusals = CREATING_WEBHOOK
    repeat = Repeat.NEVER
    audit_names = ("create_webhook",)
    outcome_type = WebhookCreated

    channel_id: Snowflake
    """The channel."""
    name: WebhookName = "WaddleBot"
    """1 to 80 characters, without `clyde` or `discord` in it, and neither `everyone` nor `here`."""

    def record(self) -> dict[str, Any]:
        return self.model_dump()

    def call(self, stamp: Stamp) -> Call:
        return Call(
            "POST",
            "/channels/{channel_id}/webhooks",
            {"channel_id": self.channel_id},
            major=self.channel_id,
            body={"name": self.name},
            reason=stamp.default_reason,
            reads=WebhookBody,
        )

    def outcome(self, reply: Reply) -> WebhookCreated:
        webhook = reply.read(WebhookBody)
        return WebhookCreated(webhook_url=f"{WEBHOOK_ADDRESS}/{webhook.id}/{webhook.token}")

    def recall(self, record: Json) -> Call | None:
        webhook_id = str(record["webhook_id"])
        return Call("GET", "/webhooks/{webhook_id}", {"webhook_id": webhook_id}, major=webhook_id, reads=WebhookBody)


class SendWebhook(Action):
    """Posts through a webhook. Needs content, embeds, or both.

    Only the id, the token and the thread are read from the URL; the request goes to Discord's own address and carries
    no other credential. Discord keeps no nonce for webhooks, so nothing is sent twice after an unclear answer.
    """

    rest = Rest("POST", "/api/v1/webhook/send")
    scope = Scope.WEBHOOKS_SEND
    permission = "none: the URL is the permission"
    refusals = THROUGH_WEBHOOK
    repeat = Repeat.NEVER
    audit_names = ("send_webhook",)

    webhook_url: WebhookUrl
    """https://discord.com/api/webhooks/{id}/{token}, a `thread_id` query allowed."""
    content: Content = ""
    """At most 2000 characters of Discord's Markdown."""
    embeds: Annotated[tuple[Embed, ...], Field(max_length=10, strict=False)] = ()
    """At most 10, with 6000 characters together."""
    allowed_mentions: AllowedMentions = ()
    """Any of `users`, `roles`, `everyone`, or `none` alone; absent: user mentions ping and nothing else does."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [says("content"), has_items("embeds")]})

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if not self.content and not self.embeds:
            raise ValueError("needs content or embeds")
        check_embed_texts(self.embeds)
        return self

    def record(self) -> dict[str, Any]:
        address = self.webhook_url
        named = {"webhook_id": address.webhook_id} | ({"thread_id": address.thread_id} if address.thread_id else {})
        return named | self.model_dump(exclude={"webhook_url"}, exclude_defaults=True)

    def call(self, stamp: Stamp) -> Call:
        address = self.webhook_url
        thread = {"thread_id": address.thread_id} if address.thread_id else {}
        return Call(
            "POST",
            "/webhooks/{webhook_id}/{webhook_token}",
            {"webhook_id": address.webhook_id, "webhook_token": address.token},
            major=address.webhook_id,
            body=message_body(self.content, self.embeds, self.allowed_mentions),
            query={"wait": "true"} | thread,
            is_webhook=True,
        )

    def outcome(self, reply: Reply) -> Done:
        return Done()

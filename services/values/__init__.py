"""The values a request is made of: parsed once, valid ever after."""

from services.values.embed import Embed, EmbedField, check_embed_texts
from services.values.emoji import Emoji, other_spelling
from services.values.fields import Fields
from services.values.mentions import AllowedMentions, mentions_to_discord
from services.values.snowflake import Snowflake, is_snowflake, snowflake_time
from services.values.text import AuditReason, Content, Filled
from services.values.webhook import WebhookName, WebhookUrl
from services.values.whole_number import Whole

__all__ = [
    "AllowedMentions",
    "AuditReason",
    "Content",
    "Embed",
    "EmbedField",
    "Emoji",
    "Fields",
    "Filled",
    "Snowflake",
    "WebhookName",
    "WebhookUrl",
    "Whole",
    "check_embed_texts",
    "is_snowflake",
    "mentions_to_discord",
    "other_spelling",
    "snowflake_time",
]

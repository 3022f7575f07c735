"""Where a channel stands, as Discord tells it."""

from dataclasses import dataclass

from services.ports.discord import ReplyBody
from services.values import Snowflake


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or thread, and its guild; None for a direct message."""

    channel_id: str
    guild_id: str | None


class ChannelBody(ReplyBody):
    """A channel: https://discord.com/developers/docs/resources/channel#channel-object."""

    id: Snowflake
    guild_id: Snowflake | None = None

    @property
    def place(self) -> Place:
        return Place(self.id, self.guild_id)


class WebhookHomeBody(ReplyBody):
    """Where a webhook posts: https://discord.com/developers/docs/resources/webhook#webhook-object."""

    channel_id: Snowflake | None = None
    guild_id: Snowflake | None = None

    @property
    def place(self) -> Place | None:
        """None for a webhook without a channel, such as an application's."""
        return None if self.channel_id is None else Place(self.channel_id, self.guild_id)

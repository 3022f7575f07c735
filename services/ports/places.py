"""Where a channel stands, as Discord tells it."""

from dataclasses import dataclass
from typing import Final

from services.ports.discord import ReplyBody
from services.values import Snowflake

THREADS: Final = frozenset({10, 11, 12})
"""https://discord.com/developers/docs/resources/channel#channel-object-channel-types"""


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or thread, its guild (None for a direct message), and a thread's own channel."""

    channel_id: str
    guild_id: str | None
    parent_id: str | None = None


class ChannelBody(ReplyBody):
    """A channel: https://discord.com/developers/docs/resources/channel#channel-object."""

    id: Snowflake
    type: int
    guild_id: Snowflake | None = None
    parent_id: Snowflake | None = None

    @property
    def place(self) -> Place:
        """The parent of a channel that is no thread is its category, which says nothing about who may write there."""
        return Place(self.id, self.guild_id, self.parent_id if self.type in THREADS else None)


class WebhookHomeBody(ReplyBody):
    """Where a webhook posts: https://discord.com/developers/docs/resources/webhook#webhook-object."""

    channel_id: Snowflake | None = None
    guild_id: Snowflake | None = None

    @property
    def place(self) -> Place | None:
        """None for a webhook without a channel, such as an application's."""
        return None if self.channel_id is None else Place(self.channel_id, self.guild_id)

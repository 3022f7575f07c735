"""Reactions: https://discord.com/developers/docs/resources/message#create-reaction."""

from typing import Final

from services.actions.base import Action, Rest, Stamp
from services.actions.usual_refusals import REACTING
from services.ports import Call, Repeat, Respelling, Scope
from services.values import Emoji, Snowflake, other_spelling

UNKNOWN_EMOJI: Final = 10014


class AddReaction(Action):
    """Adds the bot's reaction to a message."""

    rest = Rest("POST", "/api/v1/reaction")
    scope = Scope.REACTIONS
    permission = "READ_MESSAGE_HISTORY, and ADD_REACTIONS when nobody has used the emoji there yet"
    refusals = REACTING
    repeat = Repeat.SAME_EFFECT
    audit_names = ("add_reaction",)

    channel_id: Snowflake
    """The message's channel or thread."""
    message_id: Snowflake
    """The message."""
    emoji: Emoji
    """A Unicode emoji, a shortcode such as `:thumbsup:`, or a custom emoji as `name:id` or `<:name:id>`."""

    def call(self, stamp: Stamp) -> Call:
        return Call(
            "PUT",
            "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me",
            {"channel_id": self.channel_id, "message_id": self.message_id, "emoji": self.emoji},
            major=self.channel_id,
            respelling=self._respelling(),
        )

    def _respelling(self) -> Respelling | None:
        """Of some emoji Discord knows another spelling than Unicode."""
        other = other_spelling(self.emoji)
        return None if other is None else Respelling(UNKNOWN_EMOJI, {"emoji": other})

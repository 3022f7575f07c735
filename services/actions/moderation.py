"""Moderation: https://discord.com/developers/docs/resources/guild#create-guild-ban and its neighbours."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from services.actions.base import Action, Rest, Stamp
from services.actions.usual_refusals import IN_GUILD, ON_MEMBER
from services.errors import ErrorCode
from services.ports import Call, Priority, Repeat, Scope
from services.values import AuditReason, Snowflake, Whole

UNKNOWN_MEMBER: Final = 10007
SECONDS_PER_DAY: Final = 86_400
LONGEST_TIMEOUT_SECONDS: Final = 28 * SECONDS_PER_DAY
# Discord refuses an end that is 28 days ahead by its own clock; ours may be a little fast.
TIMEOUT_MARGIN: Final = timedelta(minutes=1)


class KickUser(Action):
    """Removes a member from a guild; they may come back with an invite."""

    rest = Rest("POST", "/api/v1/moderation/kick")
    scope = Scope.MODERATION
    permission = "KICK_MEMBERS, with the bot's highest role above the member's"
    refusals = ON_MEMBER
    repeat = Repeat.ALREADY_DONE
    already_done_codes = frozenset({UNKNOWN_MEMBER})
    priority = Priority.MODERATION
    audit_names = ("kick_user",)

    guild_id: Snowflake
    """The guild."""
    user_id: Snowflake
    """The member."""
    reason: AuditReason = ""
    """For the guild's own audit log: at most 512 characters, no control characters."""

    def call(self, stamp: Stamp) -> Call:
        return Call(
            "DELETE",
            "/guilds/{guild_id}/members/{user_id}",
            {"guild_id": self.guild_id, "user_id": self.user_id},
            major=self.guild_id,
            reason=self.reason or stamp.default_reason,
            entity=f"{self.guild_id}/{self.user_id}",
        )


class BanUser(Action):
    """Bans a user from a guild, whether they are in it or not."""

    rest = Rest("POST", "/api/v1/moderation/ban")
    scope = Scope.MODERATION
    permission = "BAN_MEMBERS, with the bot's highest role above the member's"
    refusals = (*IN_GUILD, ErrorCode.DISCORD_UNKNOWN_USER, ErrorCode.DISCORD_LIMIT_REACHED)
    repeat = Repeat.SAME_EFFECT
    priority = Priority.MODERATION
    audit_names = ("ban_user",)

    guild_id: Snowflake
    """The guild."""
    user_id: Snowflake
    """The user."""
    reason: AuditReason = ""
    """For the guild's own audit log: at most 512 characters, no control characters."""
    delete_message_days: Annotated[int, Field(ge=0, le=7), Whole] = 0
    """Delete the user's messages of the last 0 to 7 days."""

    def call(self, stamp: Stamp) -> Call:
        return Call(
            "PUT",
            "/guilds/{guild_id}/bans/{user_id}",
            {"guild_id": self.guild_id, "user_id": self.user_id},
            major=self.guild_id,
            body={"delete_message_seconds": self.delete_message_days * SECONDS_PER_DAY},
            reason=self.reason or stamp.default_reason,
            entity=f"{self.guild_id}/{self.user_id}",
        )


class TimeoutUser(Action):
    """Times a member out: they can neither write nor speak until it ends.

    The end is counted from when the request is accepted. Discord takes a little less than 28 days, so the longest
    one is shortened by a minute.
    """

    rest = Rest("POST", "/api/v1/moderation/timeout")
    scope = Scope.MODERATION
    permission = "MODERATE_MEMBERS; the owner and administrators cannot be timed out"
    refusals = ON_MEMBER
    repeat = Repeat.SAME_EFFECT
    priority = Priority.MODERATION
    audit_names = ("timeout_user",)

    guild_id: Snowflake
    """The guild."""
    user_id: Snowflake
    """The member."""
    duration_seconds: Annotated[int, Field(ge=1, le=LONGEST_TIMEOUT_SECONDS), Whole]
    """1 to 2419200 (28 days)."""
    reason: AuditReason = ""
    """For the guild's own audit log: at most 512 characters, no control characters."""

    def call(self, stamp: Stamp) -> Call:
        longest = timedelta(seconds=LONGEST_TIMEOUT_SECONDS) - TIMEOUT_MARGIN
        until = stamp.accepted_at + min(timedelta(seconds=self.duration_seconds), longest)
        return Call(
            "PATCH",
            "/guilds/{guild_id}/members/{user_id}",
            {"guild_id": self.guild_id, "user_id": self.user_id},
            major=self.guild_id,
            body={"communication_disabled_until": until.isoformat()},
            reason=self.reason or stamp.default_reason,
            entity=f"{self.guild_id}/{self.user_id}",
        )

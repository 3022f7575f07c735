"""Members' roles: https://discord.com/developers/docs/resources/guild#add-guild-member-role."""

from typing import Literal

from services.actions.base import Action, Rest, Stamp
from services.actions.usual_refusals import ON_MEMBER
from services.errors import ErrorCode
from services.ports import Call, Repeat, Scope
from services.values import Snowflake


class ManageRole(Action):
    """Gives a member a role, or takes it away.

    Changes of one member go one after the other: Discord can lose one of two made at the same moment.
    """

    rest = Rest("POST", "/api/v1/role")
    scope = Scope.ROLES
    permission = "MANAGE_ROLES, with the bot's highest role above the role"
    refusals = (*ON_MEMBER, ErrorCode.DISCORD_UNKNOWN_ROLE)
    repeat = Repeat.SAME_EFFECT
    audit_names = ("add_role", "remove_role")

    guild_id: Snowflake
    """The guild."""
    user_id: Snowflake
    """The member."""
    role_id: Snowflake
    """The role."""
    action: Literal["add", "remove"] = "add"
    """`add` (the default) or `remove`."""

    @property
    def audit_name(self) -> str:
        return f"{self.action}_role"

    def call(self, stamp: Stamp) -> Call:
        return Call(
            "PUT" if self.action == "add" else "DELETE",
            "/guilds/{guild_id}/members/{user_id}/roles/{role_id}",
            {"guild_id": self.guild_id, "user_id": self.user_id, "role_id": self.role_id},
            major=self.guild_id,
            reason=stamp.default_reason,
            entity=f"{self.guild_id}/{self.user_id}",
        )

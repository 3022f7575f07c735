"""Members, their roles, kicks and bans: https://discord.com/developers/docs/resources/guild.

The bot acts only on members and roles strictly below its own highest role; an owner or administrator cannot
be timed out.
"""

from datetime import UTC

from sandbox import render
from sandbox.call import Answer, Call, no_content, ok
from sandbox.errors import JsonCode, refusal
from sandbox.model import Ban, Guild, Member
from sandbox.permissions import EVERYTHING, Permission, guild_permissions
from sandbox.state import World
from sandbox.validation.form import Form
from sandbox.validation.moderation import (
    BAN_QUERY_TRAPS,
    MAX_MEMBER_ROLES,
    MAX_NICK,
    MEMBER_FIELDS,
    read_ban,
    read_timeout,
)


def get(call: Call) -> Answer:
    """GET /guilds/{guild_id}/members/{user_id}."""
    guild = call.world.guild(call.params["guild_id"])
    return ok(render.member(call.world.member(guild, call.params["user_id"])))


def add_role(call: Call) -> Answer:
    """PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}."""
    member, role_id = _role_target(call)
    if role_id not in member.roles:
        member.roles.append(role_id)
    return no_content()


def remove_role(call: Call) -> Answer:
    """DELETE /guilds/{guild_id}/members/{user_id}/roles/{role_id}."""
    member, role_id = _role_target(call)
    if role_id in member.roles:
        member.roles.remove(role_id)
    return no_content()


def _role_target(call: Call) -> tuple[Member, str]:
    world = call.world
    guild = world.guild(call.params["guild_id"])
    world.require_in_guild(guild, Permission.MANAGE_ROLES)
    member = world.member(guild, call.params["user_id"])
    role = world.role(guild, call.params["role_id"])
    world.require_role_below(guild, role)
    world.log(guild.id, "member_role_update", member.user.id, call.reason)
    return member, role.id


def kick(call: Call) -> Answer:
    """DELETE /guilds/{guild_id}/members/{user_id}."""
    world = call.world
    guild = world.guild(call.params["guild_id"])
    world.require_in_guild(guild, Permission.KICK_MEMBERS)
    member = world.member(guild, call.params["user_id"])
    world.require_above(guild, member.user.id)
    del guild.members[member.user.id]
    world.log(guild.id, "member_kick", member.user.id, call.reason)
    return no_content()


def ban(call: Call) -> Answer:
    """PUT /guilds/{guild_id}/bans/{user_id}. Accounts outside the guild can be banned too; twice is fine."""
    world = call.world
    guild = world.guild(call.params["guild_id"])
    world.require_in_guild(guild, Permission.BAN_MEMBERS)
    for name in BAN_QUERY_TRAPS:
        if name in call.query:
            call.problems.append(f"query parameter {name!r} is ignored: send it in the body")
    seconds = read_ban(Form(call.body, call.problems))
    user = world.user(call.params["user_id"])
    if user.id in guild.members or user.id == guild.owner_id:
        world.require_above(guild, user.id)
    guild.members.pop(user.id, None)
    guild.bans[user.id] = Ban(user, call.reason, seconds)
    _delete_recent(world, guild, user.id, seconds)
    world.log(guild.id, "member_ban_add", user.id, call.reason)
    return no_content()


def get_ban(call: Call) -> Answer:
    """GET /guilds/{guild_id}/bans/{user_id}."""
    guild = call.world.guild(call.params["guild_id"])
    call.world.require_in_guild(guild, Permission.BAN_MEMBERS)
    return ok(render.ban(_ban(guild, call.params["user_id"])))


def unban(call: Call) -> Answer:
    """DELETE /guilds/{guild_id}/bans/{user_id}."""
    guild = call.world.guild(call.params["guild_id"])
    call.world.require_in_guild(guild, Permission.BAN_MEMBERS)
    found = _ban(guild, call.params["user_id"])
    del guild.bans[found.user.id]
    call.world.log(guild.id, "member_ban_remove", found.user.id, call.reason)
    return no_content()


def _ban(guild: Guild, user_id: str) -> Ban:
    if user_id not in guild.bans:
        raise refusal(JsonCode.UNKNOWN_BAN)
    return guild.bans[user_id]


def _delete_recent(world: World, guild: Guild, user_id: str, seconds: int) -> None:
    oldest = world.clock.wall() - seconds
    for channel in world.channels.values():
        if seconds and channel.guild_id == guild.id:
            doomed = [
                message.id
                for message in channel.messages.values()
                if message.author.id == user_id and world.sent_at(message) >= oldest
            ]
            for message_id in doomed:
                del channel.messages[message_id]


def modify(call: Call) -> Answer:
    """PATCH /guilds/{guild_id}/members/{user_id}."""
    world = call.world
    guild = world.guild(call.params["guild_id"])
    member = world.member(guild, call.params["user_id"])
    form = Form(call.body, call.problems)
    form.note_unknown(MEMBER_FIELDS)
    _require_modifiable(world, guild, member, form)
    nick = form.text("nick", MAX_NICK)
    roles = form.snowflakes("roles", MAX_MEMBER_ROLES)
    until = read_timeout(form, world.clock.wall(), world.options.timeout_margin_seconds)
    flags = form.integer("flags", 0, 2**31 - 1)
    form.violations.raise_if_any()
    if roles is not None:
        _require_roles(world, guild, member, roles)
        member.roles = roles
    if form.has("nick"):
        member.nick = nick or None
    if form.has("communication_disabled_until"):
        member.communication_disabled_until = (
            until.astimezone(UTC).isoformat(timespec="microseconds") if until else None
        )
    member.flags = member.flags if flags is None else flags
    world.log(guild.id, "member_update", member.user.id, call.reason)
    return ok(render.member(member))


def _require_modifiable(world: World, guild: Guild, member: Member, form: Form) -> None:
    """Raises 50013, or 40032 for voice changes: nobody here is in voice."""
    user_id = member.user.id
    if form.has("nick"):
        _require_nameable(world, guild, user_id)
    if form.has("roles"):
        world.require_in_guild(guild, Permission.MANAGE_ROLES)
    if form.has("communication_disabled_until"):
        world.require_in_guild(guild, Permission.MODERATE_MEMBERS)
        world.require_above(guild, user_id)
        if guild_permissions(guild, user_id) == EVERYTHING:
            raise refusal(JsonCode.MISSING_PERMISSIONS)
    if any(form.fields.get(name) is not None for name in ("mute", "deaf", "channel_id")):
        raise refusal(JsonCode.NOT_IN_VOICE)


def _require_nameable(world: World, guild: Guild, user_id: str) -> None:
    if user_id == world.bot.id:
        world.require_in_guild(guild, Permission.CHANGE_NICKNAME)
        return
    world.require_in_guild(guild, Permission.MANAGE_NICKNAMES)
    world.require_above(guild, user_id)


def _require_roles(world: World, guild: Guild, member: Member, roles: list[str]) -> None:
    for role_id in set(roles) ^ set(member.roles):
        world.require_role_below(guild, world.role(guild, role_id))

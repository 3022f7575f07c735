"""What can be looked at: guilds, channels, roles, the bot itself, the gateway."""

from sandbox import render
from sandbox.call import Answer, Call, ok


def get(call: Call) -> Answer:
    """GET /guilds/{guild_id}."""
    return ok(render.guild(call.world.guild(call.params["guild_id"])))


def channels(call: Call) -> Answer:
    """GET /guilds/{guild_id}/channels; threads are not among them."""
    world = call.world
    guild = world.guild(call.params["guild_id"])
    found = [each for each in world.channels.values() if each.guild_id == guild.id and not each.is_thread]
    return ok([render.channel(world, each) for each in found])


def roles(call: Call) -> Answer:
    """GET /guilds/{guild_id}/roles."""
    guild = call.world.guild(call.params["guild_id"])
    return ok([render.role(role) for role in guild.roles.values()])


def channel(call: Call) -> Answer:
    """GET /channels/{channel_id}."""
    return ok(render.channel(call.world, call.world.channel(call.params["channel_id"])))


def own_user(call: Call) -> Answer:
    """GET /users/@me."""
    return ok(render.own_user(call.world.bot))


def gateway(_call: Call) -> Answer:
    """GET /gateway/bot. There is no gateway behind the address."""
    limit = {"total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1}
    return ok({"url": "wss://gateway.discord.gg", "shards": 1, "session_start_limit": limit})

"""What can be looked at."""

from tests.sandbox.client import Client


async def test_a_guild_with_its_parts(call: Client) -> None:
    guild = (await call("GET", "/guilds/1")).body
    assert (guild["id"], guild["owner_id"]) == ("1", "40")
    roles = (await call("GET", "/guilds/1/roles")).body
    assert [role["id"] for role in roles] == [role["id"] for role in guild["roles"]]
    assert all(role["permissions"].isdigit() for role in roles)
    channels = (await call("GET", "/guilds/1/channels")).body
    assert {"123", "124", "127"} <= {channel["id"] for channel in channels}
    assert "130" not in {channel["id"] for channel in channels}
    assert (await call("GET", "/guilds/9")).code == 10004
    assert (await call("GET", "/guilds/3")).code == 50001


async def test_channels_of_every_type(call: Client) -> None:
    assert (await call("GET", "/channels/123")).body["last_message_id"] == "789"
    assert (await call("GET", "/channels/126")).body["thread_metadata"]["archived"] is True
    assert (await call("GET", "/channels/128")).body["recipients"][0]["id"] == "42"
    assert (await call("GET", "/channels/224")).code == 50001


async def test_members_and_the_gateway(call: Client) -> None:
    assert (await call("GET", "/guilds/1/members/42")).body["nick"] == "Robin of plot 12"
    assert (await call("GET", "/gateway/bot")).body["session_start_limit"]["max_concurrency"] == 1

"""Reactions and the emoji they take."""

from urllib.parse import quote

import pytest

from sandbox import Permission, Sandbox
from sandbox.seeds import CUSTOM_EMOJI_ID
from tests.sandbox.client import CHANNEL, Client


def path(emoji: str, message: str = "456", channel: str = "123") -> str:
    return f"/channels/{channel}/messages/{message}/reactions/{quote(emoji, safe='')}/@me"


@pytest.mark.parametrize(
    "emoji",
    ["👍", "👍🏽", "❤️", "❤", "🏳️‍🌈", "👩‍👩‍👧‍👦", "🇩🇪", "1️⃣", "✅", "✔", "⭐", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", f"sprout:{CUSTOM_EMOJI_ID}"],
)
async def test_emoji_accepted(call: Client, emoji: str) -> None:
    assert (await call("PUT", path(emoji))).status == 204
    shown = (await call("GET", f"{CHANNEL}/456")).body["reactions"]
    assert any(each["me"] and each["emoji"]["name"] in (emoji, "sprout") for each in shown)


@pytest.mark.parametrize(
    "emoji",
    [
        "thumbsup",
        ":thumbsup:",
        "x",
        "5",
        "👍👍",
        "👍x",
        "✔️",
        " ",
        f"<:sprout:{CUSTOM_EMOJI_ID}>",
        f"a:sprout:{CUSTOM_EMOJI_ID}",
        "sprout:123456789012345678",
        "sprout:",
    ],
)
async def test_emoji_refused(call: Client, emoji: str) -> None:
    reply = await call("PUT", path(emoji))
    assert (reply.status, reply.code) == (400, 10014)


async def test_adding_twice_counts_once_and_removing_is_repeatable(call: Client) -> None:
    for _ in range(2):
        assert (await call("PUT", path("👍"))).status == 204
    shown = (await call("GET", f"{CHANNEL}/456")).body["reactions"]
    assert [(each["emoji"]["name"], each["count"], each["me"]) for each in shown] == [
        ("🌱", 2, False),
        ("👍", 1, True),
    ]
    for _ in range(2):
        assert (await call("DELETE", path("👍"))).status == 204
    assert len((await call("GET", f"{CHANNEL}/456")).body["reactions"]) == 1


async def test_twenty_distinct_at_most(call: Client) -> None:
    for number in range(20):
        assert (await call("PUT", path(chr(0x1F600 + number), "789"))).status == 204
    assert (await call("PUT", path("👍", "789"))).code == 30010
    assert (await call("PUT", path(chr(0x1F600), "789"))).status == 204


async def test_joining_needs_less_than_starting(call: Client, sandbox: Sandbox) -> None:
    sandbox.world.change_bot_permissions("1", revoke=Permission.ADD_REACTIONS)
    assert (await call("PUT", path("👍"))).code == 50013
    assert (await call("PUT", path("🌱"))).status == 204
    sandbox.world.change_bot_permissions("1", revoke=Permission.READ_MESSAGE_HISTORY)
    assert (await call("PUT", path("🌱"))).code == 50013


@pytest.mark.parametrize(
    ("message", "channel", "code"), [("1", "123", 10008), ("1", "999", 10003), ("470", "126", 50083)]
)
async def test_targets_refused(call: Client, message: str, channel: str, code: int) -> None:
    assert (await call("PUT", path("👍", message, channel))).code == code

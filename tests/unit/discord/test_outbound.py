import pytest
from aiohttp import ClientSession

from config import Secret
from services.discord.outbound import RequestWriter
from services.ports import Call
from tests.unit.discord.calls import BOT_TOKEN, ban, delete_message, react, send_message, send_webhook
from tests.unit.discord.raw_server import RawServer, says

BASE = "https://discord.com/api/v10"
HOSTILE = [
    "a/../b",
    "../../webhooks/1",
    "%2F",
    "%2e%2e",
    "a?b=c",
    "a#b",
    "a b",
    "a\\b",
    "a\r\nX: y",
    "é",
    "a;b",
    "@",
    ":",
]


def writer(base: str = BASE) -> RequestWriter:
    return RequestWriter(base, Secret(BOT_TOKEN), "1.2.3")


def named(part: str) -> Call:
    return Call("GET", "/invites/{code}/end", {"code": part}, major="")


def test_an_address_is_the_base_and_the_filled_template() -> None:
    assert str(writer().write(send_message()).url) == f"{BASE}/channels/123/messages"


@pytest.mark.parametrize("base", [BASE, f"{BASE}/", "http://[::1]:8080/api/v10", "http://127.0.0.1:9/deep/er/api"])
def test_the_base_is_kept_whatever_its_form(base: str) -> None:
    url = writer(base).write(ban()).url
    assert str(url) == base.rstrip("/") + "/guilds/1/bans/42"


@pytest.mark.parametrize("emoji", ["👍", "❤️", "party:41771983429993937", "🏳️‍🌈"])
def test_an_emoji_keeps_every_code_point(emoji: str) -> None:
    from urllib.parse import unquote

    segments = writer().write(react(emoji)).url.raw_path.split("/")
    assert unquote(segments[-2]) == emoji
    assert segments[-1] == "@me"
    assert ":" not in segments[-2]


@pytest.mark.parametrize("part", HOSTILE)
def test_no_part_reaches_beyond_its_own_segment(part: str) -> None:
    url = writer().write(named(part)).url
    segments = url.raw_path.split("/")
    assert (url.host, url.raw_query_string, url.raw_fragment) == ("discord.com", "", "")
    assert segments[:4] == ["", "api", "v10", "invites"]
    assert segments[5:] == ["end"]


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_part_that_no_encoding_disarms_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="plain segment"):
        writer().write(named(part))


def test_a_part_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        writer().write(Call("GET", "/invites/{code}", {}, major=""))


@pytest.mark.parametrize("part", [*HOSTILE, "❤️", "%E2%9D%A4"])
async def test_the_library_sends_the_path_as_it_was_written(part: str) -> None:
    async with RawServer.serving(says(204)) as server, ClientSession() as session:
        url = writer(server.base_url).write(named(part)).url
        await session.request("GET", url)
    assert server.received[0].target == url.raw_path
    assert server.received[0].target.endswith("/end")


def test_a_query_is_encoded() -> None:
    call = Call("GET", "/x", {}, major="", query={"thread_id": "1&wait=false", "q": "ü /"})
    assert writer().write(call).url.raw_query_string == "thread_id=1%26wait%3Dfalse&q=%C3%BC%20%2F"


def test_a_bots_request_carries_its_token_and_says_who_it_is() -> None:
    headers = writer().write(send_message()).headers
    assert headers["Authorization"] == f"Bot {BOT_TOKEN}"
    assert headers["User-Agent"] == "DiscordBot (https://github.com/waddlebot/discord-action-module, 1.2.3)"
    assert headers["Content-Type"] == "application/json"


def test_a_webhooks_request_carries_no_token_of_the_bot() -> None:
    outbound = writer().write(send_webhook())
    assert BOT_TOKEN not in str(outbound.headers)
    assert "Authorization" not in outbound.headers


def test_without_a_body_there_is_no_content_type() -> None:
    assert "Content-Type" not in writer().write(react()).headers


@pytest.mark.parametrize(
    ("reason", "encoded"),
    [
        ("a tidy garden", "a%20tidy%20garden"),
        ("50% / 1+1", "50%25%20%2F%201%2B1"),
        ("grüße 🌱", "gr%C3%BC%C3%9Fe%20%F0%9F%8C%B1"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A%201"),
    ],
)
def test_a_reason_is_percent_encoded_whole(reason: str, encoded: str) -> None:
    call = Call("DELETE", "/x", {}, major="", reason=reason)
    assert writer().write(call).headers["X-Audit-Log-Reason"] == encoded


def test_a_reason_does_not_stay_for_the_next_request() -> None:
    one = writer()
    one.write(delete_message())
    assert "X-Audit-Log-Reason" not in one.write(react()).headers


def test_nothing_secret_is_printed() -> None:
    printed = repr(writer().write(send_message())) + repr(writer().write(send_webhook()))
    assert "must-not-leak" not in printed

"""What a caller puts into an id, an emoji, a reason or a name stays there, and reaches nothing else."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from sandbox import Sandbox
from tests.conformance.faces import Face
from tests.support.module import token

IDS = (
    "",
    " ",
    "0",
    "01",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x1",
    "1_000",
    "1 2",
    "1\n",
    "\n1",
    "1\x00",
    "1\t",
    "١٢٣",
    "１２３",
    "²",
    "1/2",
    "../1",
    "1/../2",
    "..",
    ".",
    "%2e%2e",
    "1%2F2",
    "1%00",
    "1?x=y",
    "1#x",
    "1;x",
    "1&x",
    "@me",
    "@everyone",
    "{id}",
    "1\r\nX: y",
    "1' OR '1'='1",
    '1"',
    "${jndi:ldap://x}",
    "$(id)",
    "`id`",
    "<@1>",
    "null",
    "true",
    "9" * 19,
    "9" * 20,
    "1" * 4096,
)
EMOJIS = (
    "",
    "a",
    "👍👍",
    "👍/x",
    "👍?x",
    "👍\r\nX: y",
    "../../pins/1",
    "..",
    ".",
    "%2e%2e",
    "%252e%252e",
    "%00",
    "%0d%0a",
    "name:id",
    "name:0",
    "name:1/../2",
    "name:1?x",
    "na me:1",
    "n/a:1",
    "a:1",
    "<@1>",
    "@me",
    "x" * 33 + ":1",
    "party:9223372036854775808",
    ":no_such:",
    "\u200d",
    "\ufe0f",
    "{emoji}",
    "👍@me",
    "%F0%9F%91%8D%2F@me",
)
REASONS = (
    "a\nb",
    "a\rb",
    "a\r\nX-Injected: yes",
    "a\x00b",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "x" * 513,
)
NAMES = (
    "a\nb",
    "a\r\nX: y",
    "a\x00b",
    "a\x1b[31m",
    "a\u2028b",
    "a\x9fb",
    "discord",
    "DISCORD bot",
    "cLyDe",
    "everyone",
    "here",
    "x" * 81,
)

GOOD: Mapping[str, dict[str, Any]] = {
    "DeleteMessage": {"channel_id": "123", "message_id": "900"},
    "AddReaction": {"channel_id": "123", "message_id": "900", "emoji": "👍"},
    "ManageRole": {"guild_id": "1", "user_id": "40", "role_id": "60"},
    "KickUser": {"guild_id": "1", "user_id": "40"},
    "CreateWebhook": {"channel_id": "123", "name": "crier"},
}
INJECTED = (
    ("DeleteMessage", "channel_id", IDS),
    ("DeleteMessage", "message_id", IDS),
    ("ManageRole", "role_id", IDS),
    ("KickUser", "user_id", IDS),
    ("AddReaction", "emoji", EMOJIS),
    ("KickUser", "reason", REASONS),
    ("CreateWebhook", "name", NAMES),
)
REFUSED = {"invalid_argument", "not_found"}
"""In REST an id that holds a slash makes a path that does not exist."""


@pytest.mark.parametrize(
    ("rpc", "field", "values"), INJECTED, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_what_could_reach_further_is_refused(
    face: Face, sandbox: Sandbox, rpc: str, field: str, values: tuple[str, ...]
) -> None:
    answers = {}
    for value in values:
        sent = quote(value, safe="") if face.name == "rest" and rpc == "DeleteMessage" else value
        heard = await face.perform(rpc, GOOD[rpc] | {field: sent}, token())
        answers[value] = heard.code
    assert {value: code for value, code in answers.items() if code not in REFUSED} == {}
    assert [request.path for request in sandbox.requests] == []


async def test_there_are_enough_of_them() -> None:
    assert len({*IDS, *EMOJIS, *REASONS, *NAMES}) >= 40


@pytest.mark.parametrize("reason", ["%0d%0aX: y", "ünïcödé 👋", "a b+c&d=e", '"quoted"', "$(id)", "<script>"])
async def test_a_strange_reason_is_one_header_that_says_just_that(face: Face, sandbox: Sandbox, reason: str) -> None:
    await face.perform("KickUser", {"guild_id": "1", "user_id": "40", "reason": reason}, token())

    (arrived,) = sandbox.requests
    assert arrived.path == "/api/v10/guilds/1/members/40"
    assert arrived.headers["x-audit-log-reason"] == quote(reason, safe="")
    assert "x" not in arrived.headers


@pytest.mark.parametrize("content", ["a\r\nX: y", '","tts":true,"x":"', "\\u0000 \\x00", "{{7*7}}", "' OR 1=1 --"])
async def test_a_strange_text_is_one_field_that_says_just_that(face: Face, sandbox: Sandbox, content: str) -> None:
    await face.perform("SendMessage", {"channel_id": "123", "content": content}, token())

    (arrived,) = sandbox.requests
    assert arrived.body["content"] == content
    assert set(arrived.body) == {"content", "allowed_mentions", "nonce", "enforce_nonce"}


@pytest.mark.parametrize(
    "extra", ["tts", "flags", "components", "poll", "sticker_ids", "username", "__proto__", "token"]
)
async def test_an_unknown_field_of_a_body_goes_nowhere(faces: dict[str, Face], sandbox: Sandbox, extra: str) -> None:
    heard = await faces["rest"].perform("SendMessage", {"channel_id": "123", "content": "hi", extra: "x"}, token())

    assert (heard.code, heard.fields) == ("invalid_argument", (extra,))
    assert len(sandbox.requests) == 0

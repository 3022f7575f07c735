"""Bodies refused with 50035, and the tree that says where and why."""

from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.client import CHANNEL, Client

LONG_URL = "https://example.org/" + "x" * 2048

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ({"content": 5}, "content", "BASE_TYPE_STRING"),
    ({"content": "x", "tts": "yes"}, "tts", "BOOLEAN_TYPE_CONVERT"),
    ({"content": "x", "flags": "4"}, "flags", "NUMBER_TYPE_COERCE"),
    ({"content": "x", "nonce": "n" * 26}, "nonce", "NONCE_TYPE_TOO_LONG"),
    ({"content": "x", "nonce": 1.5}, "nonce", "UNION_TYPE_CHOICES"),
    ({"embeds": {}}, "embeds", "LIST_TYPE_CONVERT"),
    ({"embeds": ["x"]}, "embeds.0", "MODEL_TYPE_CONVERT"),
    ({"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{}]}, "embeds.0.description", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"color": 1, "url": "https://x.org"}]}, "embeds.0.description", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"description": "x" * 4097}]}, "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"title": "x", "color": 0x1000000}]}, "embeds.0.color", "NUMBER_TYPE_MAX"),
    ({"embeds": [{"title": "x", "color": -1}]}, "embeds.0.color", "NUMBER_TYPE_MIN"),
    ({"embeds": [{"title": "x", "color": "#ff0000"}]}, "embeds.0.color", "NUMBER_TYPE_COERCE"),
    ({"embeds": [{"title": "x", "timestamp": "soon"}]}, "embeds.0.timestamp", "DATE_TIME_TYPE_PARSE"),
    ({"embeds": [{"title": "x", "url": "x"}]}, "embeds.0.url", "URL_TYPE_INVALID_URL"),
    ({"embeds": [{"title": "x", "url": "ftp://x.org"}]}, "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
    ({"embeds": [{"title": "x", "url": LONG_URL}]}, "embeds.0.url", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"image": {}}]}, "embeds.0.image.url", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"thumbnail": "x"}]}, "embeds.0.thumbnail", "MODEL_TYPE_CONVERT"),
    ({"embeds": [{"footer": {"icon_url": "https://x.org"}}]}, "embeds.0.footer.text", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"footer": {"text": "x" * 2049}}]}, "embeds.0.footer.text", "BASE_TYPE_BAD_LENGTH"),
    ({"embeds": [{"author": {"name": ""}}]}, "embeds.0.author.name", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"author": {"name": "x" * 257}}]}, "embeds.0.author.name", "BASE_TYPE_BAD_LENGTH"),
    ({"embeds": [{"fields": [{"name": "x"}]}]}, "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    ({"embeds": [{"fields": [{"name": " ", "value": "x"}]}]}, "embeds.0.fields.0.name", "BASE_TYPE_REQUIRED"),
    (
        {"embeds": [{"fields": [{"name": "n", "value": "x" * 1025}]}]},
        "embeds.0.fields.0.value",
        "BASE_TYPE_BAD_LENGTH",
    ),
    ({"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, "embeds.0.fields", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"description": "x" * 3001}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    ({"content": "x", "allowed_mentions": ["users"]}, "allowed_mentions", "MODEL_TYPE_CONVERT"),
    (
        {"content": "x", "allowed_mentions": {"parse": ["all"]}},
        "allowed_mentions.parse.0",
        "BASE_TYPE_CHOICES",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["users", "users"]}},
        "allowed_mentions.parse.1",
        "SET_TYPE_ALREADY_CONTAINS_VALUE",
    ),
    (
        {"content": "x", "allowed_mentions": {"users": ["42", "42"]}},
        "allowed_mentions.users.1",
        "SET_TYPE_ALREADY_CONTAINS_VALUE",
    ),
    (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["42"]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    (
        {"content": "x", "allowed_mentions": {"roles": [str(key) for key in range(101)]}},
        "allowed_mentions.roles",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"content": "x", "allowed_mentions": {"users": ["robin"]}},
        "allowed_mentions.users.0",
        "NUMBER_TYPE_COERCE",
    ),
    ({"content": "x", "sticker_ids": ["1", "2", "3", "4"]}, "sticker_ids", "BASE_TYPE_MAX_LENGTH"),
]


@pytest.mark.parametrize(("body", "place", "code"), REFUSED)
async def test_refused_messages(call: Client, sandbox: Sandbox, body: dict[str, Any], place: str, code: str) -> None:
    before = list(sandbox.world.channels["123"].messages)
    reply = await call("POST", CHANNEL, body)
    assert (reply.status, reply.code) == (400, 50035)
    assert code in reply.leaf(*place.split("."))
    assert list(sandbox.world.channels["123"].messages) == before


ACCEPTED: list[dict[str, Any]] = [
    {"content": "x" * 2000},
    {"content": "🌱" * 2000},
    {"content": " " * 500 + "x" * 2000},
    {"embeds": [{"title": "x" * 256, "description": "y" * 4096}]},
    {"embeds": [{"description": "x" * 3000}] * 2},
    {"embeds": [{"fields": [{"name": "n", "value": "v", "inline": True}] * 25}]},
    {"embeds": [{"image": {"url": "https://example.org/x.png"}}]},
    {"embeds": [{"title": "x", "color": 0xFFFFFF, "timestamp": "2025-06-15T12:00:00Z"}]},
    {"embeds": [{"title": "x", "description": None, "fields": []}]},
    {"content": "x", "nonce": "n" * 25, "allowed_mentions": {"parse": [], "users": ["42"]}},
    {"content": "x", "allowed_mentions": {"parse": ["roles"], "users": ["42"]}},
    {"content": "x", "embeds": None, "allowed_mentions": None, "tts": None, "nonce": None},
]


@pytest.mark.parametrize("body", ACCEPTED)
async def test_accepted_messages(call: Client, sandbox: Sandbox, body: dict[str, Any]) -> None:
    assert (await call("POST", CHANNEL, body)).status == 200
    assert sandbox.problems() == []


async def test_every_fault_is_named_at_once(call: Client) -> None:
    reply = await call("POST", CHANNEL, {"content": "x" * 2001, "embeds": [{"title": "x"}, {"color": "red"}]})
    assert reply.leaf("content") == ["BASE_TYPE_MAX_LENGTH"]
    assert reply.leaf("embeds", "1", "color") == ["NUMBER_TYPE_COERCE"]
    assert reply.body["message"] == "Invalid Form Body"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"content": "x", "reason": "y"}, "reason"),
        ({"embeds": [{"title": "x", "thumbnail_url": "https://x.org"}]}, "embeds.0.thumbnail_url"),
        ({"content": "x", "allowed_mentions": {}}, "ambiguous"),
        ({"content": "x", "flags": 1}, "bits"),
        ({"embeds": [{"image": {"url": "attachment://x.png"}}]}, "was not sent"),
        ({"content": "x", "enforce_nonce": True}, "without a nonce"),
    ],
)
async def test_what_discord_swallows_is_noted(
    call: Client, sandbox: Sandbox, body: dict[str, Any], problem: str
) -> None:
    assert (await call("POST", CHANNEL, body)).status == 200
    assert problem in sandbox.problems()[-1][1]

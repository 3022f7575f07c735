"""Every body that leaves, held against Discord's own schema of its v10 API (github.com/discord/discord-api-spec).

The schema is not part of this repository. Where it lies beside it, in `../shared/discord-openapi.json`, every action is
checked with the fewest and with the most fields.
"""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from config import ROOT, Secret
from services.actions import CATALOGUE, Action, Stamp, parse
from services.discord.outbound import RequestWriter

SCHEMA_FILE = ROOT.parent / "shared" / "discord-openapi.json"
STAMP = Stamp("0197a1b2-action", "router", datetime(2026, 1, 31, 12, tzinfo=UTC), "n" * 25)
WRITER = RequestWriter("https://discord.com/api/v10", Secret("a-token"), "1.0.0")

LARGEST_ID = str(2**63 - 1)
LONG_URL = "https://example.com/" + "x" * 2000
LARGEST_EMBED = {
    "title": "t" * 256,
    "description": "d" * 2000,
    "color": "#ffffff",
    "url": LONG_URL,
    "thumbnail_url": LONG_URL,
    "image_url": LONG_URL,
    "footer_text": "f" * 500,
    "footer_icon_url": LONG_URL,
    "author_name": "a" * 256,
    "author_url": LONG_URL,
    "author_icon_url": LONG_URL,
    "timestamp": "2026-01-31T12:00:00Z",
    "fields": [{"name": "n" * 10, "value": "v" * 50, "inline": True} for _ in range(25)],
}
MESSAGE = {"channel_id": "123", "message_id": LARGEST_ID}
MEMBER = {"guild_id": "1", "user_id": LARGEST_ID}
LONG_REASON = {"reason": "r" * 512}
WEBHOOK = "https://discord.com/api/webhooks/555/" + "w" * 68
EVERYONE = {"allowed_mentions": ["users", "roles", "everyone"]}

CASES: list[tuple[str, dict[str, Any]]] = [
    ("SendMessage", {"channel_id": "123", "content": "h"}),
    ("SendMessage", {"channel_id": LARGEST_ID, "content": "h" * 2000, "embed": LARGEST_EMBED, **EVERYONE}),
    ("SendMessage", {"channel_id": "123", "content": "h", "allowed_mentions": ["none"]}),
    ("SendEmbed", {"channel_id": "123", "embed": {"title": "t"}}),
    ("SendEmbed", {"channel_id": LARGEST_ID, "embed": LARGEST_EMBED, **EVERYONE}),
    ("AddReaction", {**MESSAGE, "emoji": "👍"}),
    ("AddReaction", {**MESSAGE, "emoji": "<a:party_parrot:41771983429993937>"}),
    ("ManageRole", {**MEMBER, "role_id": "7"}),
    ("ManageRole", {**MEMBER, "role_id": "7", "action": "remove"}),
    ("CreateWebhook", {"channel_id": "123", "name": "g"}),
    ("CreateWebhook", {"channel_id": "123", "name": "g" * 80}),
    ("SendWebhook", {"webhook_url": WEBHOOK, "content": "h"}),
    ("SendWebhook", {"webhook_url": f"{WEBHOOK}?thread_id=9", "content": "h", "embeds": [LARGEST_EMBED], **EVERYONE}),
    ("SendWebhook", {"webhook_url": WEBHOOK, "content": "h" * 2000}),
    ("SendWebhook", {"webhook_url": WEBHOOK, "embeds": [{"title": "t"} for _ in range(10)]}),
    ("DeleteMessage", MESSAGE),
    ("EditMessage", {**MESSAGE, "content": "h"}),
    ("EditMessage", {**MESSAGE, "content": "h" * 2000, **EVERYONE}),
    ("KickUser", MEMBER),
    ("KickUser", MEMBER | LONG_REASON),
    ("BanUser", MEMBER),
    ("BanUser", MEMBER | LONG_REASON | {"delete_message_days": 7}),
    ("TimeoutUser", {**MEMBER, "duration_seconds": 1}),
    ("TimeoutUser", {**MEMBER, "duration_seconds": 28 * 86_400} | LONG_REASON),
]  # fmt: skip

NAMED: dict[str, type[Action]] = {action.rpc(): action for action in CATALOGUE}


@cache
def schema() -> dict[str, Any]:
    if not SCHEMA_FILE.exists():
        pytest.skip("BODIES NOT CHECKED: Discord's schema is not at ../shared/discord-openapi.json")
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text())
    return loaded


def test_every_action_is_checked() -> None:
    assert {name for name, _ in CASES} == set(NAMED)


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_a_body_is_what_discord_documents(name: str, fields: dict[str, Any]) -> None:
    call = parse(NAMED[name], fields).call(STAMP)
    operation = schema()["paths"][_template(call.route)][call.method.lower()]
    body = WRITER.write(call).body
    accepted = operation.get("requestBody")
    if accepted is None:
        assert body is None
        return
    assert body is not None
    rules = accepted["content"]["application/json"]["schema"] | {"components": schema()["components"]}
    sent = json.loads(body)
    assert [error.message for error in Draft202012Validator(rules).iter_errors(sent)] == []
    assert _undocumented(sent, rules) == set()


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_a_query_is_what_discord_documents(name: str, fields: dict[str, Any]) -> None:
    call = parse(NAMED[name], fields).call(STAMP)
    operation = schema()["paths"][_template(call.route)][call.method.lower()]
    known = {parameter["name"] for parameter in operation.get("parameters", []) if parameter.get("in") == "query"}
    assert set(call.query) <= known


def _template(route: str) -> str:
    return route.replace("{emoji}", "{emoji_name}")


def _undocumented(sent: dict[str, Any], rules: dict[str, Any]) -> set[str]:
    """Fields of the body that no variant of the schema names; JSON Schema by itself lets them pass."""
    return set(sent) - _properties(rules, rules["components"]["schemas"])


def _properties(rules: dict[str, Any], schemas: dict[str, Any]) -> set[str]:
    found = set(rules.get("properties", {}))
    if "$ref" in rules:
        found |= _properties(schemas[rules["$ref"].rsplit("/", 1)[1]], schemas)
    for word in ("allOf", "anyOf", "oneOf"):
        for variant in rules.get(word, []):
            found |= _properties(variant, schemas)
    return found

"""Values that no database and no protocol likes, in every field of every action: refused, or stored as they are.

What cannot be stored as it is (NUL and lone surrogates) stands in the table as U+FFFD.
"""

import asyncio
import json
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import quote

import aiohttp
import psycopg2
import pytest
from yarl import URL

from sandbox import Sandbox
from services.actions import CATALOGUE
from tests.conformance.cases import FULL_EMBED
from tests.prove.evidence import keep
from tests.prove.record.test_lost_replies import FIELDS
from tests.support.module import token
from tests.support.process import Program, serving_program

KILOBYTE = 1024
STRANGE: Mapping[str, str] = {
    "over-long": "x" * 5_000,
    "NUL": "a\x00b",
    "lone surrogate": "a\ud800b",
    "odd": "a'\"\\;-- %s {} \u202e\u2028\x7f 🦆",
    "1 MB": "x" * KILOBYTE * KILOBYTE,
}
JSON = {"Content-Type": "application/json"}
HEADERS = ("X-Request-ID", "Idempotency-Key", "User-Agent", "traceparent", "X-Priority")
RESTS = {action.rpc(): action.rest for action in CATALOGUE}
ORDINARY = {"channel_id": "123", "content": "proof-ordinary"}
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REASON = {"reason": "because"}
EVERY_FIELD: Mapping[str, Mapping[str, Any]] = {
    **FIELDS,
    "SendMessage": {**FIELDS["SendMessage"], "embed": FULL_EMBED, "allowed_mentions": ["users"]},
    "SendEmbed": {"channel_id": "123", "embed": FULL_EMBED},
    "SendWebhook": {**FIELDS["SendWebhook"], "embeds": [FULL_EMBED]},
    **{rpc: {**FIELDS[rpc], **REASON} for rpc in ("KickUser", "BanUser", "TimeoutUser")},
}


@dataclass(slots=True)
class Tried:
    """What was answered: `accepted` has the case and the value by the id of the action."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted: dict[str, tuple[str, str]] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)

    def note(self, case: str, status: int, answer: Mapping[str, Any], value: str) -> None:
        self.statuses[status] += 1
        if "action_id" in answer:
            self.recorded.add(answer["action_id"])
        if status == HTTPStatus.OK:
            self.accepted[answer["action_id"]] = case, value
        elif not 400 <= status < 500:
            self.unexpected.append(f"{case}: {status} {str(answer)[:300]}")


def replaced(fields: Mapping[str, Any], value: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields with one text after the other replaced, however deep it lies, and its name."""
    for name, old in fields.items():
        if isinstance(old, Mapping):
            for inner, changed in replaced(old, value):
                yield f"{name}.{inner}", {**fields, name: changed}
        elif isinstance(old, list) and isinstance(old[0], Mapping):
            for inner, changed in replaced(old[0], value):
                yield f"{name}[0].{inner}", {**fields, name: [changed]}
        elif isinstance(old, list):
            yield f"{name}[0]", {**fields, name: [value]}
        else:
            yield name, {**fields, name: value}


async def ask(
    session: aiohttp.ClientSession,
    started: Program,
    rpc: str,
    fields: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """The status and the answer; 0 where the connection ended instead."""
    rest = RESTS[rpc]
    parts = {name: quote(str(fields[name]), safe="", errors="surrogatepass") for name in rest.path_fields}
    url = URL(started.rest_url + rest.path.format_map(parts), encoded=True)
    body = json.dumps({name: value for name, value in fields.items() if name not in rest.path_fields})
    sent = None if rest.method == "DELETE" else BytesIO(body.encode())
    try:
        async with session.request(rest.method, url, data=sent, headers=JSON | dict(headers or {})) as response:
            answer = await response.read()
    except aiohttp.ClientError:
        return 0, {}
    return response.status, json.loads(answer) if answer.startswith(b"{") else {}


async def try_everything(session: aiohttp.ClientSession, started: Program, values: Mapping[str, str]) -> Tried:
    """Each action with each value in each field, and each header."""
    tried = Tried()
    for kind, value in values.items():
        for rpc, fields in EVERY_FIELD.items():
            for name, changed in replaced(fields, value):
                status, answer = await ask(session, started, rpc, changed)
                tried.note(f"{rpc}.{name}: {kind}", status, answer, value)
        for name in HEADERS if value.isascii() and value.isprintable() else ():
            status, answer = await ask(session, started, "SendMessage", ORDINARY, {name: value})
            tried.note(f"header {name}: {kind}", status, answer, ORDINARY["content"])
    return tried


async def strange_values(variables: dict[str, str], sandbox: Sandbox, values: Mapping[str, str]) -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    async with serving_program(variables) as started, aiohttp.ClientSession(headers=headers) as session:
        tried = await try_everything(session, started, values)
        status, ordinary = await ask(session, started, "SendMessage", ORDINARY)
        assert status == 200
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    assert started.errors == []
    rows = await recorded(variables["DATABASE_URL"])
    keep(
        f"{', '.join(values)} values in every field and header over REST",
        "refused or stored faithfully; the next row is written",
        values=sum(tried.statuses.values()),
        accepted=len(tried.accepted),
        **{f"status_{status}": times for status, times in sorted(tried.statuses.items())},
        recorded=len(rows),
    )
    assert tried.unexpected == []
    assert tried.recorded | {ordinary["action_id"]} == rows.keys()
    unfaithful = [case for action_id, (case, value) in tried.accepted.items() if not is_in(rows[action_id], value)]
    assert unfaithful == []


async def recorded(url: str) -> dict[str, Any]:
    """What every row says of its request."""

    def fetched() -> dict[str, Any]:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT action_id, request_data FROM discord_actions")
            return dict(cursor.fetchall())

    return await asyncio.to_thread(fetched)


def is_in(stored: object, text: str) -> bool:
    """Whether the text is one of the texts somewhere in a JSON value."""
    if isinstance(stored, dict):
        return any(is_in(value, text) for value in stored.values())
    if isinstance(stored, list):
        return any(is_in(value, text) for value in stored)
    return stored == UNSTORABLE.sub("\ufffd", text)


async def test_strange_values_are_refused_or_recorded(variables: dict[str, str], sandbox: Sandbox) -> None:
    await strange_values(variables, sandbox, {kind: STRANGE[kind] for kind in STRANGE if kind != "1 MB"})


@pytest.mark.prove
@pytest.mark.timeout(240)
async def test_strange_and_huge_values_are_refused_or_recorded(variables: dict[str, str], sandbox: Sandbox) -> None:
    await strange_values(variables, sandbox, STRANGE)

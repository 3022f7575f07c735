"""Odd bodies, headers and paths on every route."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from services.actions import CATALOGUE, Action
from services.errors import ErrorCode
from tests.fuzz.oddities import SOUND, Oddities
from tests.fuzz.program import MOST_GROWTH_MIB, PROMISE, fuzzed_program, resident_mib
from tests.prove.evidence import keep
from tests.support.module import token

SLUGS: Final = {code.slug for code in ErrorCode}
AT_ONCE: Final = 32
MEDIA_TYPES: Final = ("application/json", "application/json; charset=utf-8", "text/plain", "application/xml", "a/b/c")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
WAITS: Final = ("wait=200", "wait=-1", "wait=x", "wait=1e9", "respond-async")
FILTERS: Final = (
    *("action", "guild_id", "channel_id", "user_id", "client_id"),
    *("success", "since", "until", "limit", "cursor"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it leaves."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


class Requests:
    """A source of requests."""

    def __init__(self, odd: Oddities) -> None:
        self._odd = odd
        self._authorization = f"Bearer {token()}"

    def next(self) -> tuple[str, Sent]:
        """A request, and what it was made from."""
        if self._odd.happens(0.15):
            return "audit", self._audit_question()
        action_type = self._odd.random.choice(CATALOGUE)
        return action_type.rpc(), self._action(action_type)

    def _action(self, action_type: type[Action]) -> Sent:
        odd_share = self._odd.random.choice((0.0, 0.0, 0.1, 0.5))
        rest, fields = action_type.rest, self._fields(action_type, odd_share)
        in_path = {name: _quoted(str(fields.pop(name, "1"))) or "0" for name in rest.path_fields}
        method = self._odd.random.choice(METHODS) if self._odd.happens(odd_share / 5) else rest.method
        body = b"" if rest.method == "DELETE" and odd_share == 0 else self._body(fields, odd_share)
        return Sent(method, rest.path.format_map(in_path), body, self._headers(odd_share))

    def _fields(self, action_type: type[Action], odd_share: float) -> dict[str, Any]:
        fields = {name: SOUND[name] for name in action_type.model_fields if name in SOUND}
        for name in list(fields):
            if self._odd.happens(odd_share):
                fields[name] = self._odd.json()
            elif self._odd.happens(odd_share / 2):
                del fields[name]
        return fields

    def _body(self, fields: dict[str, Any], odd_share: float) -> bytes:
        whole = self._odd.json() if self._odd.happens(odd_share / 5) else fields
        raw = json.dumps(whole, ensure_ascii=self._odd.happens(0.5)).encode(errors="surrogatepass")
        return self._odd.bent(raw) if self._odd.happens(odd_share) else raw

    def _headers(self, odd_share: float) -> dict[str, str]:
        sound = {"Authorization": self._authorization, "Content-Type": "application/json"}
        if self._odd.happens(odd_share / 5):
            sound["Content-Type"] = self._odd.random.choice(MEDIA_TYPES)
        if self._odd.happens(odd_share / 5):
            sound["Prefer"] = self._odd.random.choice(WAITS)
        return sound | self._odd.headers()

    def _audit_question(self) -> Sent:
        asked = {name: self._odd.text() for name in FILTERS if self._odd.happens(0.2)}
        query = "&".join(f"{name}={_quoted(value)}" for name, value in asked.items())
        way = self._odd.random.choice(("", f"/{_quoted(self._odd.text())}"))
        return Sent("GET", f"/api/v1/actions{way}?{query}", b"", {"Authorization": self._authorization})


def _quoted(text: str) -> str:
    return quote(text[:200], safe="")


class Caller:
    """Sends requests and counts what comes back."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seed: int) -> None:
        self._session = session
        self._url = url
        self._requests = Requests(Oddities(seed))
        self.heard: Counter[tuple[str, int]] = Counter()

    async def send(self, number: int) -> None:
        """So many requests, some at once."""
        limit = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for _ in range(number):
                await limit.acquire()
                asking = group.create_task(self._ask(*self._requests.next()))
                asking.add_done_callback(lambda _: limit.release())

    async def _ask(self, made_from: str, sent: Sent) -> None:
        address = URL(self._url + sent.path, encoded=True)
        asking = self._session.request(sent.method, address, data=sent.body or None, headers=sent.headers)
        async with asking as response:
            raw = await response.read()
            _check(sent, response, raw)
            self.heard[made_from, response.status] += 1


def _check(sent: Sent, response: aiohttp.ClientResponse, raw: bytes) -> None:
    assert response.status < 500, (sent, raw)
    assert response.headers.get("X-Request-ID"), (sent, response.headers)
    if response.status >= 400 and sent.method != "HEAD":
        assert response.content_type == "application/problem+json", (sent, response.headers)
        problem = json.loads(raw)
        assert problem["code"] in SLUGS, (sent, raw)
        assert problem["status"] == response.status, (sent, raw)


async def _fuzz(folder: Path, seed: int, number: int) -> None:
    async with fuzzed_program(folder) as started, aiohttp.ClientSession(auto_decompress=False) as session:
        caller = Caller(session, started.rest_url, seed)
        await caller.send(number // 4)
        after_a_quarter = resident_mib(started)
        await caller.send(number - number // 4)
        grown = resident_mib(started) - after_a_quarter
        keep(f"{number} odd requests over REST", PROMISE, failures_of_our_own=0, memory_grown_mib=round(grown, 1))
        assert grown < MOST_GROWTH_MIB
        for name in ("audit", *(action_type.rpc() for action_type in CATALOGUE)):
            statuses = Counter({status: count for (made, status), count in caller.heard.items() if made == name})
            assert statuses[400], (name, statuses)
            assert statuses.total() - statuses[400] > statuses.total() / 10, (name, statuses)


@pytest.mark.timeout(300)
async def test_ten_thousand_odd_requests(tmp_path: Path) -> None:
    await _fuzz(tmp_path, seed=1, number=10_000)


@pytest.mark.prove
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_odd_requests(tmp_path: Path) -> None:
    await _fuzz(tmp_path, seed=2, number=100_000)

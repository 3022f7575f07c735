"""What the sandbox's page is made of: its files, who may have them, and the stream that keeps it up to date."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from sandbox import ManualClock, Options, Sandbox
from sandbox.guard import is_own_host
from sandbox.page import stream as streaming
from sandbox.page.files import FOLDER, POLICY
from sandbox.page.messages import MAX_MESSAGES
from sandbox.page.parts import parts
from sandbox.page.places import MAX_CHANNELS
from sandbox.page.stream import changes, encoded
from sandbox.page.traffic import MAX_BUCKETS, MAX_REQUESTS, shown_path
from tests.sandbox.client import Client, client_of

MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://(?!localhost|www\.w3)"
)


class Watcher:
    """One open stream."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The next event: its name and what is in it."""
        name = ""
        async with asyncio.timeout(20):
            while True:
                line = (await self._content.readline()).decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                if line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))

    async def until(self, key: str) -> dict[str, Any]:
        """All that changes until a part changes or is gone."""
        changed: dict[str, Any] = {}
        async with asyncio.timeout(20):
            while key not in changed:
                _, event = await self.event()
                changed |= event["changed"] | dict.fromkeys(event["gone"])
        return changed

    async def ends(self) -> bool:
        async with asyncio.timeout(20):
            await self._content.read()
        return self._content.at_eof()


@asynccontextmanager
async def watching(sandbox: Sandbox, channel: str = "123") -> AsyncIterator[Watcher]:
    async with (
        aiohttp.ClientSession(read_bufsize=2**20) as session,
        session.get(f"{sandbox.origin}/_sandbox/stream", params={"channel": channel}) as response,
    ):
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Watcher(response.content)


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_page_is_at_the_root_and_may_run_only_its_own_files(call: Client, sandbox: Sandbox) -> None:
    reply = await call("GET", "/", url=sandbox.origin)
    assert reply.status == 200
    assert "<title>Sandbox" in reply.text
    assert reply.headers["Content-Security-Policy"] == POLICY
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert sandbox.received() == []


async def test_every_file_it_names_is_served_with_its_type(call: Client, sandbox: Sandbox) -> None:
    index = (await call("GET", "/", url=sandbox.origin)).text
    named = set(re.findall(r'(?:href|src)="(/_sandbox/page/[^"]+)"', index))
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    assert len(named) >= 7
    for path in named:
        reply = await call("GET", path, url=sandbox.origin)
        assert reply.status == 200
        assert reply.headers["Content-Type"].startswith(types["." + path.rpartition(".")[2]])


@pytest.mark.parametrize("name", ["files.py", "..%2Ffiles.py", "%2e%2e%2fserver.py", "nothing.js"])
async def test_no_other_file_is_served(call: Client, sandbox: Sandbox, name: str) -> None:
    assert (await call("GET", f"/_sandbox/page/{name}", url=sandbox.origin)).status == 404


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: str(path.name))
def test_no_file_turns_text_into_markup_or_names_another_host(path: Any) -> None:
    source = path.read_text().replace("https?:", "").replace("https://example.org", "")
    assert MARKUP.findall(source) == []
    assert " style=" not in source
    assert not re.search(r"\son\w+=\"", source)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.[jch][st]*")), ids=lambda path: str(path.name))
def test_a_file_can_be_read_at_one_go(path: Any) -> None:
    lines = path.read_text().splitlines()
    assert 0 < len(lines) <= 300
    assert [line for line in lines if len(line) > 120] == []


# ── who may ask ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8075", "[::1]:8075", "localhost:1", "LOCALHOST", "192.0.2.7:80"]
)
def test_names_that_no_name_server_decides(host: str) -> None:
    assert is_own_host(host, "127.0.0.1")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8075", "", "127.0.0.1.evil.example", "localhost.evil", "[::1"]
)
def test_names_that_an_attacker_could_point_here(host: str) -> None:
    assert not is_own_host(host, "127.0.0.1")


def test_the_name_it_listens_on_is_its_own() -> None:
    assert is_own_host("sandbox:8075", "sandbox")


@pytest.mark.parametrize("path", ["/", "/_sandbox/state", "/_sandbox/stream", "/_sandbox/page/main.js"])
async def test_a_rebound_name_gets_nothing(call: Client, sandbox: Sandbox, path: str) -> None:
    reply = await call("GET", path, url=sandbox.origin, headers={"Host": "evil.example"})
    assert reply.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/reset"), ("POST", "/faults"), ("PUT", "/settings"), ("DELETE", "/faults")]
)
async def test_another_sites_page_changes_nothing(
    call: Client, sandbox: Sandbox, method: str, path: str, headers: dict[str, str]
) -> None:
    sandbox.faults.add("status", status=503)
    assert (await call.control(method, path, {"kind": "reset"}, headers=headers)).status == 403
    assert [fault.kind for fault in sandbox.faults] == ["status"]


async def test_another_sites_script_reads_nothing_and_its_link_opens_the_page(call: Client, sandbox: Sandbox) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert (await call.control("GET", "/state", headers=foreign)).status == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await call("GET", "/", url=sandbox.origin, headers=link)).status == 200


async def test_its_own_page_may_change_things(call: Client, sandbox: Sandbox) -> None:
    own = {"Origin": sandbox.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert (await call.control("POST", "/faults", {"kind": "reset"}, headers=own)).status == 201
    assert len(sandbox.faults) == 1


# ── the stream ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_viewer_gets_everything_and_then_what_changes(call: Client, sandbox: Sandbox) -> None:
    async with watching(sandbox) as watcher:
        name, everything = await watcher.event()
        assert name == "everything"
        assert everything["changed"]["guild/1"]["name"] == "Community Garden"
        assert everything["changed"]["message/456"]["reactions"] == [
            {"name": "🌱", "emoji_id": None, "count": 2, "is_own": False}
        ]
        made = (await call.send("<@42> look", embeds=[{"title": "x"}])).body
        key = f"message/{made['id']}"
        changed = await watcher.until(key)
        assert changed.keys() - {"clock"} == {key, "channel/123", "limits", "request/1"}
        assert (changed[key]["content"], changed[key]["pings"]["users"]) == ("<@42> look", ["42"])
        assert [embed["title"] for embed in changed[key]["embeds"]] == ["x"]
        await call("DELETE", f"/channels/123/messages/{made['id']}")
        assert (await watcher.until(key))[key] is None


async def test_whoever_comes_back_gets_everything_anew(call: Client, sandbox: Sandbox) -> None:
    async with watching(sandbox) as watcher:
        await watcher.event()
    made = (await call.send("while you were away")).body
    async with watching(sandbox) as watcher:
        name, everything = await watcher.event()
        assert name == "everything"
        assert f"message/{made['id']}" in everything["changed"]


async def test_a_reset_is_a_change(call: Client, sandbox: Sandbox) -> None:
    made = (await call.send("soon gone")).body
    async with watching(sandbox) as watcher:
        await watcher.event()
        await call.control("POST", "/reset")
        changed = await watcher.until(f"message/{made['id']}")
        assert changed["request/1"] is None


async def test_too_many_viewers_are_told_so_and_a_free_place_is_taken(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MAX_VIEWERS", 1)
    async with watching(sandbox) as watcher, aiohttp.ClientSession() as session:
        await watcher.event()
        async with session.get(f"{sandbox.origin}/_sandbox/stream") as refused:
            assert refused.status == 503
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{sandbox.origin}/_sandbox/stream") as response:
                if response.status == 200:
                    break
            await asyncio.sleep(0.02)


async def test_a_stopping_sandbox_ends_its_streams() -> None:
    async with Sandbox.serving(Options(), ManualClock()) as sandbox:
        context = watching(sandbox)
        watcher = await context.__aenter__()
        await watcher.event()
    assert await watcher.ends()
    await context.__aexit__(None, None, None)


async def test_while_nobody_watches_nothing_is_written_down(
    call: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels: list[str] = []

    def counted(watched: Sandbox, channel_id: str) -> dict[str, Any]:
        channels.append(channel_id)
        return parts(watched, channel_id)

    monkeypatch.setattr(streaming, "parts", counted)
    for _ in range(3):
        await call.send()
    assert channels == []
    async with watching(sandbox, "124") as watcher:
        await watcher.event()
    assert set(channels) == {"124"}


def test_what_is_the_same_is_not_sent_again() -> None:
    before = encoded({"a": {"x": 1}, "b": 2, "c": None})
    assert changes(before, before) == ""
    after = encoded({"a": {"x": 1}, "b": 3})
    assert json.loads(changes(before, after)) == {"changed": {"b": 3}, "gone": ["c"]}


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_can_grow_is_cut_to_its_newest() -> None:
    async with Sandbox.serving(Options(limits_enabled=True, limit_factor=1000), ManualClock()) as sandbox:
        async with client_of(sandbox) as call:
            for number in range(MAX_MESSAGES + 4):
                await call.send(str(number))
            made = (await call.send("the newest")).body
            for number in range(MAX_BUCKETS + 5):
                await call("GET", f"/channels/{1000 + number}")
        world = sandbox.world
        for number in range(MAX_CHANNELS + 10):
            thread = world.channels["130"]
            world.channels[f"9{number:05}"] = type(thread)(f"9{number:05}", thread.type, "t", "1", parent_id="123")
        shown = parts(sandbox, "123")
    counts = {
        kind: sum(key.startswith(kind + "/") for key in shown) for kind in ("message", "bucket", "request", "channel")
    }
    assert counts == {"message": MAX_MESSAGES, "bucket": MAX_BUCKETS, "request": MAX_REQUESTS, "channel": MAX_CHANNELS}
    assert f"message/{made['id']}" in shown
    assert shown["channels"]["hidden"] > 0
    assert "channel/123" in shown


async def test_a_webhooks_token_is_not_shown(limited_call: Client, limited: Sandbox) -> None:
    token = limited.world.webhooks["555"].token
    await limited_call.webhook(f"/webhooks/555/{token}", {"content": "windy"})
    assert token not in json.dumps(parts(limited, "123"), default=str)


def test_a_path_is_shown_without_version_and_token() -> None:
    template = "/webhooks/{webhook_id}/{webhook_token}"
    assert shown_path("/api/v10/webhooks/5/secret", template) == "/webhooks/5/…"
    assert shown_path("/api/v10/channels/123/messages", "/channels/{channel_id}/messages") == "/channels/123/messages"
    assert shown_path("/somewhere/else", None) == "/somewhere/else"


async def test_an_unknown_channel_has_no_messages(sandbox: Sandbox) -> None:
    assert not any(key.startswith("message/") for key in parts(sandbox, "404"))


# ── what was wrong with a request ────────────────────────────────────────────────────────────────────────────────────


async def test_a_refused_form_is_recorded_with_what_was_wrong(call: Client, sandbox: Sandbox) -> None:
    await call.send("x" * 2001, embeds=[{"title": "y" * 300}])
    [record] = sandbox.received()
    assert (record.status, record.code, record.message) == (400, 50035, "Invalid Form Body")
    assert sorted(each.split(" ")[0] for each in record.errors) == ["content:", "embeds.0.title:"]
    assert "BASE_TYPE_MAX_LENGTH" in record.errors[0]


async def test_what_is_noted_of_a_refusal_is_bounded(call: Client, sandbox: Sandbox) -> None:
    await call.send("x", allowed_mentions={"users": ["no number"] * 500})
    [record] = sandbox.received()
    assert record.status == 400
    assert 1 <= len(record.errors) <= 20


async def test_a_429_is_recorded_with_the_limit_that_said_so(limited_call: Client, limited: Sandbox) -> None:
    for _ in range(6):
        await limited_call.send()
    record = limited.received()[-1]
    assert (record.status, record.limited, record.limited_by) == (429, "user", "messages.create of 123")
    assert record.retry_after == 1.0
    limited.options.global_limit = 1
    await limited_call("GET", "/users/@me")
    assert limited.received()[-1].limited_by == "global"


async def test_the_first_request_can_be_asked_for_by_its_number(call: Client) -> None:
    await call.send("one")
    await call.send("two")
    found = (await call.control("GET", "/requests?after=0&limit=1")).body["requests"]
    assert [record["body"]["content"] for record in found] == ["one"]

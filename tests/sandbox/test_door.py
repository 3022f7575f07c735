"""What is checked before any endpoint: who asks, for what, in which form."""

import io

import pytest

from sandbox import Sandbox
from tests.sandbox.client import CHANNEL, Client


async def test_a_genuine_answer_names_discords_proxy(call: Client) -> None:
    reply = await call("GET", "/users/@me")
    assert reply.status == 200
    assert reply.headers["Via"] == "1.1 google"
    assert reply.body["id"] == "99"


@pytest.mark.parametrize("authorization", [None, "Bot wrong", "Bearer sandbox-bot-token", "sandbox-bot-token"])
async def test_a_wrong_credential_is_401(call: Client, sandbox: Sandbox, authorization: str | None) -> None:
    reply = await call("GET", "/users/@me", headers={"Authorization": authorization})
    assert (reply.status, reply.body) == (401, {"message": "401: Unauthorized", "code": 0})
    assert sandbox.received()[-1].authorization == ("none" if authorization is None else "wrong")


@pytest.mark.parametrize("agent", [None, "python-requests/2", "Mozilla/5.0", "DiscordBot"])
async def test_cloudflare_refuses_other_user_agents(call: Client, agent: str | None) -> None:
    reply = await call("GET", "/users/@me", headers={"User-Agent": agent})
    assert (reply.status, reply.code) == (403, 40333)
    assert "Via" not in reply.headers


@pytest.mark.parametrize("prefix", ["/api", "/api/v6", "/api/v9"])
async def test_only_v10_is_served(call: Client, sandbox: Sandbox, prefix: str) -> None:
    reply = await call("GET", "/users/@me", url=sandbox.origin + prefix)
    assert (reply.status, reply.code) == (400, 50041)
    assert "version" in sandbox.problems()[-1][1]


@pytest.mark.parametrize("path", ["/nowhere", "/channels/123/messages/", "/channels//messages", "/users/1"])
async def test_an_unknown_path_is_404(call: Client, path: str) -> None:
    reply = await call("GET", path)
    assert (reply.status, reply.body) == (404, {"message": "404: Not Found", "code": 0})


async def test_a_wrong_method_is_405(call: Client) -> None:
    reply = await call("PUT", CHANNEL)
    assert (reply.status, reply.code) == (405, 0)


async def test_ids_in_the_path_are_numbers(call: Client) -> None:
    reply = await call("GET", "/channels/general")
    assert (reply.status, reply.code) == (400, 50035)
    assert reply.leaf("channel_id") == ["NUMBER_TYPE_COERCE"]


async def test_an_id_beyond_63_bits_is_discords_500(call: Client) -> None:
    assert (await call("GET", f"/channels/{2**63}")).status == 500
    assert (await call("GET", f"/channels/{2**63 - 1}")).code == 10003


@pytest.mark.parametrize(
    ("raw", "content_type", "code"),
    [
        (b'{"content": "x"}', None, 50035),
        (b'{"content": "x"}', "text/plain", 50035),
        (b"content=x", "application/x-www-form-urlencoded", 50035),
        (b'{"content": ', "application/json", 50109),
        (b'{"content": NaN}', "application/json", 50109),
        (b'{"content": "\\ud800"}', "application/json", 50109),
        (b'{"content": "\xff"}', "application/json", 50109),
        (b"[" * 200_000, "application/json", 50109),
        (b"", "application/json", 50109),
        (b'["x"]', "application/json", 50035),
    ],
)
async def test_a_body_is_json(call: Client, raw: bytes, content_type: str | None, code: int) -> None:
    reply = await call("POST", CHANNEL, data=raw, headers={"Content-Type": content_type})
    assert (reply.status, reply.code) == (400, code)


async def test_a_body_too_large_is_413(call: Client, sandbox: Sandbox) -> None:
    raw = io.BytesIO(b" " * (sandbox.options.max_body_bytes + 1))
    reply = await call("POST", CHANNEL, data=raw, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.code) == (413, 40005)


async def test_a_body_where_none_belongs_is_noted(call: Client, sandbox: Sandbox) -> None:
    reply = await call("PUT", "/guilds/1/members/42/roles/7", {"reason": "x"})
    assert reply.status == 204
    assert sandbox.problems()[-1][1] == "this route takes no body"


@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [
        ("late%20again%20%E2%9C%94", 204, "late again ✔"),
        ("plain text", 204, "plain text"),
        ("%0A", 204, "\n"),
        ("%F0%9F%8C%B1" * 512, 204, "🌱" * 512),
        ("x" * 513, 400, None),
        ("", 400, None),
        ("%FF", 400, None),
        ("na\u00efve", 400, None),
        ("tab\there", 400, None),
    ],
)
async def test_audit_reasons(call: Client, sandbox: Sandbox, header: str, status: int, reason: str | None) -> None:
    reply = await call("DELETE", "/guilds/1/members/42", headers={"X-Audit-Log-Reason": header})
    assert reply.status == status
    if status == 400:
        assert reply.leaf("reason")
    else:
        assert sandbox.world.audit_log[-1].reason == reason


async def test_requests_are_recorded(call: Client, sandbox: Sandbox) -> None:
    await call("POST", CHANNEL + "?x=1", {"content": "hi", "colour": 3})
    [record] = sandbox.received("POST", "/channels/{channel_id}/messages")
    assert record.path == "/api/v10/channels/123/messages"
    assert record.query == {"x": "1"}
    assert record.body == {"content": "hi", "colour": 3}
    assert record.authorization == "bot"
    assert "authorization" not in record.headers
    assert record.headers["user-agent"].startswith("DiscordBot")
    assert (record.status, record.applied) == (200, True)
    assert record.problems == ["unknown field 'colour' is ignored by Discord"]
    assert record.received_wall == sandbox.clock.wall()


async def test_records_are_a_ring() -> None:
    from sandbox.recorder import Recorder

    recorder = Recorder(capacity=3)
    known = dict.fromkeys(("method", "path", "template", "query", "headers", "authorization", "address"), "") | {
        "received_monotonic": 0.0,
        "received_wall": 0.0,
    }
    for _ in range(5):
        recorder.open(**known)
    assert [record.number for record in recorder] == [3, 4, 5]
    assert recorder.total == 5

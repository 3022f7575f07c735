"""Rate limits: the windows by themselves, then over HTTP under a clock that stands still."""

import asyncio

import pytest

from sandbox import ManualClock, Options, Sandbox
from sandbox.limits.rules import Rule, WindowKind
from sandbox.limits.windows import FixedWindow, SlidingWindow
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.sandbox.client import CHANNEL, Client, Reply, client_of

HOOK = f"/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"


def shown(reply: Reply) -> tuple[int, int, float]:
    """Limit, remaining, reset after."""
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset-After")
    limit, remaining, reset_after = (reply.headers[name] for name in names)
    return int(limit), int(remaining), float(reset_after)


def bucket(reply: Reply) -> str:
    return str(reply.headers["X-RateLimit-Bucket"])


def test_a_sliding_window_returns_one_by_one() -> None:
    window = SlidingWindow(5, 5.0)
    assert [window.take(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert (window.remaining(100.0), window.reset_after(100.0), window.retry_after(100.0)) == (0, 5.0, 1.0)
    assert [window.take(101.0), window.take(101.0)] == [True, False]
    assert window.remaining(104.0) == 3
    assert window.remaining(200.0) == 5


def test_a_fixed_window_returns_all_at_once() -> None:
    window = FixedWindow(2, 10.0)
    assert [window.take(0.0), window.take(4.0), window.take(9.9)] == [True, True, False]
    assert (window.remaining(9.0), window.retry_after(9.0)) == (0, 1.0)
    assert [window.take(10.0), window.take(10.0), window.take(10.0)] == [True, True, False]


async def test_headers_and_the_429_of_a_route(limited_call: Client, limited: Sandbox) -> None:
    first = await limited_call.send()
    assert shown(first) == (5, 4, 1.0)
    assert float(first.headers["X-RateLimit-Reset"]) == limited.clock.wall() + 1
    assert "X-RateLimit-Scope" not in first.headers
    later = [await limited_call.send() for _ in range(4)]
    assert shown(later[-1]) == (5, 0, 5.0)
    refused = await limited_call.send()
    assert refused.status == 429
    assert refused.body == {"message": "You are being rate limited.", "retry_after": 1.0, "global": False}
    assert (refused.headers["Retry-After"], refused.headers["X-RateLimit-Scope"]) == ("1", "user")
    assert refused.headers["Via"] == "1.1 google"
    assert shown(refused) == (5, 0, 5.0)
    limited.clock.advance(1.0)
    assert [(await limited_call.send()).status for _ in range(2)] == [200, 429]
    assert limited.stats()["rate_limited"] == {"user": 2}
    assert limited.received()[-1].limited == "user"


async def test_refused_forms_use_the_bucket_too(limited_call: Client) -> None:
    assert shown(await limited_call.send("x" * 2001))[1] == 4


async def test_channels_and_routes_count_separately(limited_call: Client) -> None:
    created = await limited_call.send()
    edited = await limited_call("PATCH", f"{CHANNEL}/789", {"content": "x"})
    elsewhere = await limited_call("POST", "/channels/124/messages", {"content": "x"})
    assert bucket(created) == bucket(edited) == bucket(elsewhere)
    assert [shown(reply)[1] for reply in (created, edited, elsewhere)] == [4, 4, 4]


async def test_reactions_of_a_channel_share_one_bucket(limited_call: Client, limited: Sandbox) -> None:
    path = "/channels/123/messages/{}/reactions/%F0%9F%91%8D/@me"
    assert (await limited_call("PUT", path.format(456))).status == 204
    assert (await limited_call("DELETE", path.format(789))).status == 429
    limited.clock.advance(0.25)
    assert (await limited_call("DELETE", path.format(789))).status == 204


async def test_roles_are_a_fixed_window(limited_call: Client, limited: Sandbox) -> None:
    path = "/guilds/1/members/42/roles/7"
    first = await limited_call("PUT", path)
    limited.clock.advance(4)
    second = await limited_call("DELETE", path)
    assert first.headers["X-RateLimit-Reset"] == second.headers["X-RateLimit-Reset"]
    assert shown(second) == (10, 8, 6.0)


async def test_deletes_are_told_apart_by_age(limited_call: Client, limited: Sandbox) -> None:
    made = [(await limited_call.send()).body["id"] for _ in range(2)]
    young = await limited_call("DELETE", f"{CHANNEL}/{made[0]}")
    gone = await limited_call("DELETE", f"{CHANNEL}/{made[0]}")
    limited.clock.advance(11)
    middle = await limited_call("DELETE", f"{CHANNEL}/{made[1]}")
    old = await limited_call("DELETE", f"{CHANNEL}/456")
    assert [shown(reply)[0] for reply in (young, gone, middle, old)] == [5, 5, 3, 30]
    assert bucket(young) == bucket(gone)
    assert len({bucket(young), bucket(middle), bucket(old)}) == 3


async def test_old_deletes_trip_the_bucket_of_young_ones(limited_call: Client) -> None:
    young = await limited_call("DELETE", f"{CHANNEL}/1")
    replies = [await limited_call("DELETE", f"{CHANNEL}/{key}") for key in (450, 451, 452, 453, 456)]
    assert [reply.status for reply in replies] == [204] * 4 + [429]
    assert bucket(replies[-1]) == bucket(young) != bucket(replies[0])


async def test_webhooks_have_a_hidden_shared_limit(limited_call: Client, limited: Sandbox) -> None:
    statuses = []
    for _ in range(30):
        statuses.append((await limited_call.webhook(HOOK, {"content": "x"})).status)
        limited.clock.advance(0.5)
    assert set(statuses) == {204}
    refused = await limited_call.webhook(HOOK, {"content": "x"})
    assert (refused.status, refused.headers["X-RateLimit-Scope"]) == (429, "shared")
    assert refused.body["retry_after"] == 45.0
    assert shown(refused)[1] > 0
    assert limited.addresses.invalid_requests() == {}


async def test_fifty_a_second_over_everything(limited_call: Client, limited: Sandbox) -> None:
    statuses = [(await limited_call("GET", "/users/@me")).status for _ in range(50)]
    assert set(statuses) == {200}
    refused = await limited_call("GET", "/users/@me")
    assert (refused.status, refused.body["global"], refused.body["retry_after"]) == (429, True, 1.0)
    assert (refused.headers["X-RateLimit-Scope"], refused.headers["X-RateLimit-Global"]) == ("global", "true")
    refused = await limited_call.send()
    assert "X-RateLimit-Bucket" not in refused.headers
    assert (await limited_call.webhook(HOOK, {"content": "x"})).status == 204
    limited.clock.advance(1.0)
    assert (await limited_call.send()).status == 200
    assert limited.stats()["busiest_second"] == 52


async def test_the_global_window_slides(limited_call: Client, limited: Sandbox) -> None:
    for _ in range(30):
        await limited_call("GET", "/users/@me")
    limited.clock.advance(0.6)
    for _ in range(20):
        await limited_call("GET", "/users/@me")
    assert (await limited_call("GET", "/users/@me")).body["retry_after"] == pytest.approx(0.4)
    limited.clock.advance(0.4)
    assert (await limited_call("GET", "/users/@me")).status == 200


async def test_parallel_requests_never_get_more_than_the_limit(limited_call: Client) -> None:
    replies = await asyncio.gather(*(limited_call.send() for _ in range(20)))
    assert sorted(reply.status for reply in replies) == [200] * 5 + [429] * 15


async def test_rules_can_change(limited_call: Client, limited: Sandbox) -> None:
    limited.limiter.change_rule("messages.create", {"limit": 2, "period_seconds": 9, "kind": "fixed"})
    assert shown(await limited_call.send()) == (2, 1, 9.0)
    limited.limiter.change_rule("messages.create", None)
    assert "X-RateLimit-Limit" not in (await limited_call.send()).headers
    with pytest.raises(ValueError, match="positive"):
        limited.limiter.change_rule("messages.create", {"limit": 0})
    with pytest.raises(KeyError):
        limited.limiter.change_rule("tea", {})


def test_a_rule_says_its_bucket() -> None:
    rule = Rule("x", 3, 1.0, WindowKind.FIXED)
    assert len(rule.bucket_hash) == 32
    assert rule.window(2.0).limit == 6


async def test_no_limits_means_no_headers(call: Client) -> None:
    replies = [await call.send() for _ in range(60)]
    assert {reply.status for reply in replies} == {200}
    assert not [name for name in replies[0].headers if name.lower().startswith("x-ratelimit")]


async def test_too_many_invalid_requests_shut_the_address_out() -> None:
    options = Options(invalid_request_limit=3, cloudflare_ban_seconds=60)
    async with Sandbox.serving(options, ManualClock()) as sandbox:
        await _shut_out(sandbox)


async def _shut_out(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as call:
        for _ in range(3):
            assert (await call("GET", "/users/@me", headers={"Authorization": "Bot x"})).status == 401
        blocked = await call("GET", "/users/@me")
        assert (blocked.status, blocked.code) == (429, 0)
        assert "Via" not in blocked.headers
        assert "retry_after" not in blocked.body
        sandbox.clock.advance(60)
        assert (await call("GET", "/users/@me")).status == 200
        assert sandbox.stats()["rate_limited_by_cloudflare"] == 1


async def test_idle_buckets_are_forgotten(limited: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from sandbox.limits import limiter
    from sandbox.limits.claims import Claim

    monkeypatch.setattr(limiter, "MAX_BUCKETS", 3)
    for number in range(6):
        limited.limiter.admit(Claim(("messages.create", str(number))), counts_globally=False)
        limited.clock.advance(1)
        assert len(limited.limiter.buckets()) <= 3

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discord import replies
from services.discord.error_body import LONGEST_TEXT, MOST_VIOLATIONS
from services.discord.problems import Kind, Problem
from services.discord.rate_limit.observation import observation_of
from services.discord.raw_reply import RawReply
from services.errors import (
    BotTokenInvalid,
    DiscordRejected,
    DiscordUnavailable,
    ErrorCode,
    OutcomeKind,
    OutcomeUnknown,
    RateLimited,
    Violation,
)
from services.ports import Call, MessageBody, Reply, WebhookBody
from services.redaction import Redactor
from tests.unit.discord.calls import WEBHOOK_TOKEN, ban, send_message, send_webhook

VIA = {"Via": "1.1 google"}
BOT_TOKEN = "a-bot-token-that-looks-like-nothing"
KNOWING = Redactor()
KNOWING.register(BOT_TOKEN)
HTML = b"<!doctype html><html><body>502 Bad Gateway</body></html>"


def read(
    status: int, body: object = b"", call: Call | None = None, headers: dict[str, str] | None = None
) -> Reply | Problem:
    content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
    raw = RawReply(status, VIA if headers is None else headers, content)
    return replies.read(raw, observation_of(raw.status, raw.headers, raw.json), call or send_message(), KNOWING)


def problem(*args: Any, **kwargs: Any) -> Problem:
    found = read(*args, **kwargs)
    assert isinstance(found, Problem)
    return found


def rejected(*args: Any, **kwargs: Any) -> DiscordRejected:
    found = problem(*args, **kwargs)
    assert found.kind is Kind.REFUSED
    assert isinstance(found.error, DiscordRejected)
    return found.error


# ── success ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_success_holds_what_the_call_reads() -> None:
    found = read(200, {"id": "12", "content": "hi"})
    assert isinstance(found, Reply)
    assert found.read(MessageBody).id == "12"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'\n{"id":"1"}', b"{", None])
@pytest.mark.parametrize("call", [ban(), send_webhook()])
def test_where_nothing_is_read_a_success_needs_no_whole_body(call: Call, status: int, body: bytes | None) -> None:
    assert read(status, body, call) == Reply(status)


@pytest.mark.parametrize("body", [HTML, b"[]", b"null", b'"1"', b"OK", b"\xff"])
@pytest.mark.parametrize("call", [ban(), send_webhook()])
def test_what_discord_would_not_write_is_no_success(call: Call, body: bytes) -> None:
    found = problem(200, body, call)
    assert found.kind is Kind.IN_DOUBT
    assert isinstance(found.error, OutcomeUnknown)


def test_a_page_that_is_cut_off_is_no_success() -> None:
    assert problem(200, None, ban(), VIA | {"Content-Type": "text/html; charset=utf-8"}).kind is Kind.IN_DOUBT
    assert read(200, None, ban(), VIA | {"Content-Type": "application/json"}) == Reply(200)


UNREADABLE = [
    b"",
    HTML,
    b'{"id":"1',
    b"[]",
    b'["id"]',
    b'{"id":1}',
    b'{"id":null}',
    b'{"id":"x"}',
    b"{}",
    b"null",
    b'"1"',
    b"\xff",
    None,
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_success_without_what_is_read_is_in_doubt(body: bytes | None) -> None:
    found = problem(200, body)
    assert found.kind is Kind.IN_DOUBT
    assert isinstance(found.error, OutcomeUnknown)
    assert found.status == 200


@pytest.mark.parametrize("body", [{"id": "1"}, {"id": "1", "token": None}, {"id": "1", "token": "a b"}])
def test_a_webhook_without_a_usable_token_is_in_doubt(body: object) -> None:
    call = Call("POST", "/x", {}, major="", reads=WebhookBody)
    assert problem(200, body, call).kind is Kind.IN_DOUBT


def test_an_index_that_is_not_ready_is_no_success() -> None:
    found = problem(202, {"code": 110000, "message": "Index not yet available", "retry_after": 7})
    assert found.kind is Kind.STANDSTILL
    assert found.error.retry_after_seconds == 7


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_says_what_discord_said() -> None:
    error = rejected(404, {"code": 10003, "message": "Unknown Channel"})
    assert error.code is ErrorCode.DISCORD_UNKNOWN_CHANNEL
    assert error.detail == "Discord knows no such channel: Unknown Channel (10003)"
    assert error.outcome is OutcomeKind.REJECTED
    assert error.discord is not None
    assert (error.discord.status, error.discord.code) == (404, 10003)


def test_a_bad_field_is_named_with_its_path() -> None:
    errors = {
        "embeds": {
            "0": {
                "fields": {
                    "2": {"name": {"_errors": [{"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}]}}
                }
            }
        },
        "content": {
            "_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}, {"code": "X"}]
        },
    }
    error = rejected(400, {"code": 50035, "message": "Invalid Form Body", "errors": errors})
    assert error.code is ErrorCode.DISCORD_INVALID_FORM
    assert error.violations == (
        Violation(("embeds", 0, "fields", 2, "name"), "This field is required"),
        Violation(("content",), "Must be 2000 or fewer in length."),
        Violation(("content",), "X"),
    )


def test_faults_of_the_whole_request_have_an_empty_path() -> None:
    error = rejected(400, {"code": 50035, "message": "x", "errors": {"_errors": [{"code": "A", "message": "b"}]}})
    assert error.violations == (Violation((), "b"),)


def test_a_flood_of_faults_is_cut() -> None:
    errors = {str(n): {"_errors": [{"code": "A", "message": "m" * 5000}]} for n in range(500)}
    error = rejected(400, {"code": 50035, "message": "y" * 5000, "errors": errors})
    assert len(error.violations) == MOST_VIOLATIONS
    assert all(len(violation.detail) == LONGEST_TEXT for violation in error.violations)
    assert len(error.detail) < 2 * LONGEST_TEXT


def test_a_tree_of_faults_without_a_bottom_is_cut() -> None:
    errors: dict[str, Any] = {"_errors": [{"message": "deep"}]}
    for _ in range(200):
        errors = {"a": errors}
    assert rejected(400, {"code": 50035, "message": "x", "errors": errors}).violations == ()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_webhooks_token_is_cut_out_of_discords_words(status: int) -> None:
    said = f"no webhook {WEBHOOK_TOKEN} at https://discord.com/api/webhooks/555/{WEBHOOK_TOKEN}"
    errors = {"x": {"_errors": [{"message": said}]}}
    error = problem(status, {"code": 0, "message": said, "errors": errors}, send_webhook()).error
    assert WEBHOOK_TOKEN not in error.detail + str(error.violations)


def test_words_of_discords_stay_on_one_line() -> None:
    assert "\n" not in rejected(404, {"code": 10003, "message": "a\r\nb\n\tc"}).detail


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", None, b'{"code":"50013"}', b'{"code":[],"message":{},"errors":[]}']
)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ErrorCode.DISCORD_INVALID_FORM),
        (403, ErrorCode.DISCORD_MISSING_PERMISSIONS),
        (404, ErrorCode.DISCORD_NOT_FOUND),
        (413, ErrorCode.DISCORD_PAYLOAD_TOO_LARGE),
        (409, ErrorCode.DISCORD_REJECTED),
        (304, ErrorCode.DISCORD_REJECTED),
    ],
)
def test_a_refusal_whose_body_says_nothing_falls_by_its_status(
    status: int, code: ErrorCode, body: bytes | None
) -> None:
    assert rejected(status, body).code is code


def test_what_the_request_carried_is_cut_out_of_discords_words_and_places() -> None:
    echo = f"{BOT_TOKEN} {WEBHOOK_TOKEN}"
    body = {"code": 50035, "message": echo, "errors": {echo: {"_errors": [{"code": echo, "message": echo}]}}}
    error = rejected(400, body, send_webhook())
    said = f"{error.detail} {error.violations}"
    assert BOT_TOKEN not in said
    assert WEBHOOK_TOKEN not in said
    assert said.count("[redacted]") == 6


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [0, 40001, 50014])
def test_a_401_is_the_bot_tokens_fault_on_a_request_that_carried_it(code: int) -> None:
    found = problem(401, {"code": code, "message": "401: Unauthorized"})
    assert isinstance(found.error, BotTokenInvalid)
    assert found.kind is Kind.REFUSED


@pytest.mark.parametrize("code", [0, 40001, 50014, 50027])
def test_a_401_is_the_webhooks_fault_on_a_webhooks_request(code: int) -> None:
    assert rejected(401, {"code": code, "message": "x"}, send_webhook()).code is ErrorCode.DISCORD_UNKNOWN_WEBHOOK


@pytest.mark.parametrize("body", [HTML, b"", None])
def test_a_401_of_discords_without_words_is_the_bot_tokens_fault(body: bytes | None) -> None:
    assert isinstance(problem(401, body).error, BotTokenInvalid)


@pytest.mark.parametrize("body", [HTML, b"", None, {"code": 1234567, "message": "sign in"}])
@pytest.mark.parametrize("call", [ban(), send_webhook()])
def test_a_401_that_is_not_discords_accuses_nobody_and_was_not_sent(call: Call, body: object) -> None:
    found = problem(401, body, call, {})
    assert isinstance(found.error, DiscordUnavailable)
    assert found.error.outcome is OutcomeKind.NOT_SENT
    assert found.kind is Kind.REFUSED


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        (50027, ErrorCode.DISCORD_UNKNOWN_WEBHOOK),
        (40002, ErrorCode.DISCORD_BOT_NOT_ELIGIBLE),
        (1234567, ErrorCode.DISCORD_REJECTED),
    ],
)
def test_a_401_with_a_code_of_its_own_does_not_accuse_the_bot_token(code: int, ours: ErrorCode) -> None:
    assert rejected(401, {"code": code, "message": "x"}).code is ours


# ── limits and standstills ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_429_is_a_limit_and_the_longer_wait_counts() -> None:
    found = problem(
        429,
        {"message": "You are being rate limited.", "retry_after": 64.57, "global": False},
        headers=VIA | {"Retry-After": "65"},
    )
    assert found.kind is Kind.LIMITED
    assert isinstance(found.error, RateLimited)
    assert found.error.retry_after_seconds == 65
    assert found.error.outcome is OutcomeKind.REJECTED


@pytest.mark.parametrize("told", ["nan", "inf", "-1", "soon", "", "1e300"])
def test_a_wait_that_makes_no_sense_counts_as_untold(told: str) -> None:
    assert (
        problem(
            429, {"message": "x", "retry_after": told}, headers=VIA | {"Retry-After": told}
        ).error.retry_after_seconds
        == 1.0
    )


@pytest.mark.parametrize("status", [400, 403, 429])
def test_a_cool_down_is_a_limit_with_its_wait(status: int) -> None:
    found = problem(
        status,
        {"code": 20016, "message": "This action cannot be performed due to slowmode rate limit", "retry_after": 33},
    )
    assert isinstance(found.error, RateLimited)
    assert found.error.retry_after_seconds == 33
    assert found.kind is (Kind.LIMITED if status == 429 else Kind.REFUSED)


@pytest.mark.parametrize("code", [40004, 40006, 110000, 130000])
@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_standstill_did_nothing(code: int, status: int) -> None:
    found = problem(status, {"code": code, "message": "x"})
    assert found.kind is Kind.STANDSTILL
    assert isinstance(found.error, DiscordUnavailable)
    assert found.error.outcome is OutcomeKind.NOT_SENT


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 521, 522, 523, 524, 529])
@pytest.mark.parametrize("body", [HTML, b"", None, b'{"message":"500: Internal Server Error","code":0}'])
def test_a_failure_of_discords_is_in_doubt(status: int, body: bytes | None) -> None:
    found = problem(status, body)
    assert found.kind is Kind.IN_DOUBT
    assert found.is_discord_well is False
    assert found.status == status


@pytest.mark.parametrize("body", [HTML, b"", None, {"message": "Request Timeout"}])
@pytest.mark.parametrize("headers", [{}, VIA])
def test_a_408_from_before_discord_is_in_doubt(body: object, headers: dict[str, str]) -> None:
    found = problem(408, body, send_webhook(), headers)
    assert found.kind is Kind.IN_DOUBT
    assert isinstance(found.error, OutcomeUnknown)


def test_a_408_with_a_code_of_discords_is_a_refusal() -> None:
    assert rejected(408, {"code": 50013, "message": "x"}).code is ErrorCode.DISCORD_MISSING_PERMISSIONS


def test_a_failure_that_asks_for_patience_gets_it() -> None:
    assert problem(503, HTML, headers={"Retry-After": "3"}).error.retry_after_seconds == 3


# ── cloudflare ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (301, b"", {"Location": "https://elsewhere.example"}),
        (302, HTML, VIA),
        (307, b"", VIA),
        (403, HTML, {}),
        (403, None, {}),
        (403, {"code": 40333, "message": "internal network error"}, {}),
        (403, {"code": 40333, "message": "internal network error"}, VIA),
        (429, HTML, {}),
        (429, {"message": "You are being blocked from accessing our API temporarily", "code": 0}, {}),
    ],
)
def test_what_cloudflare_turned_away_was_not_sent(status: int, body: object, headers: dict[str, str]) -> None:
    found = problem(status, body, headers=headers)
    assert isinstance(found.error, DiscordUnavailable)
    assert found.error.outcome is OutcomeKind.NOT_SENT
    assert found.error.retry_after_seconds == 60
    assert found.kind is Kind.REFUSED


def test_cloudflares_own_wait_is_told() -> None:
    assert problem(429, HTML, headers={"Retry-After": "600"}).error.retry_after_seconds == 600


def test_a_403_in_discords_form_is_discords_even_without_via() -> None:
    assert (
        rejected(403, {"code": 50013, "message": "Missing Permissions"}, headers={}).code
        is ErrorCode.DISCORD_MISSING_PERMISSIONS
    )


# ── anything ─────────────────────────────────────────────────────────────────────────────────────────────────────────

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["code", "message", "errors", "_errors", "retry_after", "id", "0"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(
        st.sampled_from(["Via", "Retry-After", "X-RateLimit-Scope", "X-RateLimit-Limit"]), st.text(max_size=10)
    ),
    call=st.sampled_from([send_message(), send_webhook(), ban()]),
)
def test_no_answer_whatever_it_holds_goes_unread(status: int, body: bytes, headers: dict[str, str], call: Call) -> None:
    found = read(status, body, call, headers)
    if isinstance(found, Problem):
        assert found.status == status
        assert found.kind is not Kind.UNSENT
    else:
        assert 200 <= status < 300

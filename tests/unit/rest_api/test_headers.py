"""Headers in and out."""

import logging
import time

import orjson
import pytest
from werkzeug.datastructures import Headers

from services.errors import RateLimited
from services.ports import Call, Delivery, Priority, Reply
from services.rest_api.conditions import PREFERENCE
from services.rest_api.request import LARGEST_BODY_BYTES
from services.telemetry import current_scope
from tests.fakes.discord import fails
from tests.unit.rest_api.house import BEARER, JSON, MESSAGE, SAID, SENT, Answer, House

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "good-token", ""])
async def test_without_a_bearer_token_the_challenge_names_no_error(authorization: str | None) -> None:
    house = House()
    headers = JSON if authorization is None else JSON | {"Authorization": authorization}
    answer = await Answer.of(await house.client.post(MESSAGE, headers=headers, data=b"{}"))
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="discord-action"'
    assert house.authenticator.asked == [None]
    assert house.counts.rejected == [("rest", "unauthenticated")]


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer good-token, Bearer good-token"])
async def test_a_bad_token_is_named_in_the_challenge(authorization: str) -> None:
    answer = await House().post(headers={"Authorization": authorization})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="discord-action", error="invalid_token"'


@pytest.mark.parametrize("authorization", ["bearer good-token", "BEARER good-token", "Bearer  good-token"])
async def test_the_scheme_is_written_in_any_case(authorization: str) -> None:
    assert (await House().post(headers={"Authorization": authorization})).status == 200


async def test_the_token_is_judged_before_the_body_is_read() -> None:
    house = House()
    headers = {"Authorization": "Bearer wrong", "Content-Length": str(LARGEST_BODY_BYTES * 9), "X-Priority": "no"}
    async with house.client.request(MESSAGE, method="POST", headers=headers) as connection:
        answer = await Answer.early(connection)
    assert answer.status == 401


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"X-Request-ID": "abc-1"}, "abc-1"),
        ({"X-Correlation-ID": "corr"}, "corr"),
        ({"X-Request-ID": "abc", "X-Correlation-ID": "corr"}, "abc"),
        ({"X-Request-ID": "a\u00e9\x01b"}, "ab"),
        ({"X-Request-ID": "x" * 300}, "x" * 128),
    ],
)
async def test_the_request_id_is_the_callers_made_safe(headers: dict[str, str], request_id: str) -> None:
    house = House()
    answer = await house.post(headers=headers)
    assert answer.headers["X-Request-ID"] == request_id
    assert house.record.begun[0].request_id == request_id


async def test_without_an_id_every_request_gets_its_own() -> None:
    house = House()
    first, second = await house.post(), await house.post()
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert len(first.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/api/v1/actions"),
        ("GET", "/nowhere"),
        ("PUT", MESSAGE),
        ("OPTIONS", MESSAGE),
        ("HEAD", "/health"),
    ],
)
async def test_every_answer_carries_the_request_id(method: str, path: str) -> None:
    answer = await House().send(method, path, {"X-Request-ID": "r-9"})
    assert answer.headers["X-Request-ID"] == "r-9"


async def test_a_problem_carries_the_request_id_too() -> None:
    answer = await House().post({}, headers={"X-Request-ID": "r-9"})
    assert answer.json["request_id"] == answer.headers["X-Request-ID"] == "r-9"


@pytest.mark.parametrize(
    ("headers", "pointer"),
    [
        ({"Idempotency-Key": ""}, "#/Idempotency-Key"),
        ({"Idempotency-Key": "x" * 256}, "#/Idempotency-Key"),
        ({"Idempotency-Key": "a\u00e9"}, "#/Idempotency-Key"),
        ({"Idempotency-Key": "a\tb"}, "#/Idempotency-Key"),
        ({"X-Priority": "high"}, "#/X-Priority"),
        ({"X-Priority": ""}, "#/X-Priority"),
        ({"X-Priority": "Bulk"}, "#/X-Priority"),
        ({"Prefer": "wait=0"}, "#/Prefer"),
        ({"Prefer": "wait"}, "#/Prefer"),
        ({"Prefer": "wait=-1"}, "#/Prefer"),
        ({"Prefer": "wait=abc"}, "#/Prefer"),
        ({"Prefer": "wait=nan"}, "#/Prefer"),
        ({"Prefer": "wait=1e3"}, "#/Prefer"),
        ({"Prefer": "wait=0.0"}, "#/Prefer"),
        ({"Prefer": "wait=inf"}, "#/Prefer"),
        ({"Prefer": "wait="}, "#/Prefer"),
        ({"Prefer": "a" * 257}, "#/Prefer"),
        ({"Prefer": "wait=5" + " " * 250 + "x"}, "#/Prefer"),
    ],
)
async def test_a_bad_header_is_named(headers: dict[str, str], pointer: str) -> None:
    house = House()
    answer = await house.post(headers=headers)
    assert (answer.status, answer.json["code"], answer.pointers) == (400, "invalid_argument", [pointer])
    assert not house.record.begun


async def test_all_bad_headers_are_named_at_once_with_the_bound() -> None:
    headers = {"Idempotency-Key": "", "X-Priority": "?", "Prefer": "wait=-1"}
    answer = await House().post(headers=headers)
    assert answer.pointers == ["#/Idempotency-Key", "#/X-Priority", "#/Prefer"]
    assert "more than 0" in answer.json["detail"]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("Idempotency-Key", "a", "b"), ("Idempotency-Key", "a", "a"), ("X-Priority", "normal", "bulk")],
)
async def test_what_must_be_said_once_is_refused_when_said_twice(name: str, first: str, second: str) -> None:
    house = House()
    headers = Headers([*BEARER.items(), *JSON.items(), (name, first), (name, second)])
    answer = await Answer.of(await house.client.post(MESSAGE, headers=headers, data=orjson.dumps(SAID)))
    assert (answer.status, answer.pointers) == (400, [f"#/{name}"])
    assert "must be given once" in answer.json["detail"]
    assert not house.record.begun


async def test_preferences_may_come_in_several_headers() -> None:
    house, before = House(), time.monotonic()
    headers = Headers([*BEARER.items(), *JSON.items(), ("Prefer", "return=minimal"), ("Prefer", "wait=5")])
    await house.client.post(MESSAGE, headers=headers, data=orjson.dumps(SAID))
    assert 5 <= house.discord.deliveries[0].deadline - before < 6


async def test_bad_headers_are_named_beside_bad_fields() -> None:
    answer = await House().post({"channel_id": 1, "content": "x"}, headers={"X-Priority": "?", "Prefer": "wait=x"})
    assert answer.pointers == ["#/X-Priority", "#/Prefer", "#/channel_id"]


@pytest.mark.parametrize(
    ("prefer", "wait_seconds"),
    [
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('wait="5"', 5),
        ("wait=2.5", 2.5),
        ("wait=300", 300),
        ("wait=301", 300),
        ("wait=99999999999999999999", 300),
        (f"wait={'9' * 251}", 300),
        ("return=minimal, wait=5", 5),
        ("respond-async, wait=5; priority=1", 5),
        ('note="a, wait=7", wait=5', 5),
        ("wait=5, wait=9", 5),
        ("return=minimal", 30),
        ("", 30),
        (",,;=", 30),
        ('"unclosed, wait=5', 30),
        ('wait=5, "unclosed', 5),
        ('a="\\", wait=7", wait=5', 5),
        ('wait=5, "\\', 5),
    ],
)
async def test_the_callers_wait_is_the_deadline(prefer: str, wait_seconds: float) -> None:
    house = House()
    before = time.monotonic()
    answer = await house.post(headers={"Prefer": prefer})
    assert answer.status == 200, answer.body
    assert before + wait_seconds <= house.discord.deliveries[0].deadline <= time.monotonic() + wait_seconds


async def test_without_a_wait_the_deadline_is_the_operators() -> None:
    house = House(default_seconds=7)
    before = time.monotonic()
    answer = await house.post()
    assert 7 <= house.discord.deliveries[0].deadline - before < 8
    assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize(
    ("prefer", "applied"), [("wait=5", "wait=5"), ("wait=2.5", "wait=2.5"), ("wait=400", "wait=300")]
)
async def test_the_wait_that_holds_is_told(prefer: str, applied: str) -> None:
    delivered = await House().post(headers={"Prefer": prefer})
    refused = await House().post({}, headers={"Prefer": prefer})
    assert (delivered.status, refused.status) == (200, 400)
    assert delivered.headers["Preference-Applied"] == refused.headers["Preference-Applied"] == applied


@pytest.mark.parametrize("prefer", ["return=minimal", "wait=0"])
async def test_a_wait_that_does_not_hold_is_not_told(prefer: str) -> None:
    assert "Preference-Applied" not in (await House().post(headers={"Prefer": prefer})).headers


def test_reading_preferences_takes_no_longer_than_they_are() -> None:
    began = time.process_time()
    for hostile in ('"' + '\\"' * 100_000, '"a' * 100_000, '\\"' * 100_000, '"' * 100_001, '"' + "\\" * 100_001):
        PREFERENCE.findall(hostile)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("headers", "priority"),
    [({}, Priority.ORDINARY), ({"X-Priority": "normal"}, Priority.ORDINARY), ({"X-Priority": "bulk"}, Priority.BULK)],
)
async def test_bulk_waits_behind(headers: dict[str, str], priority: Priority) -> None:
    house = House()
    await house.post(headers=headers)
    assert house.discord.deliveries[0].priority is priority


async def test_the_key_goes_on_the_record() -> None:
    house = House()
    await house.post(headers={"Idempotency-Key": "order 66"})
    assert house.record.begun[0].idempotency_key == "order 66"


@pytest.mark.parametrize(("seconds", "header", "member"), [(0.2, "1", 0.2), (7.0, "7", 7.0), (7.01234, "8", 7.012)])
async def test_retry_after_is_rounded_up_in_the_header(seconds: float, header: str, member: float) -> None:
    answer = await House(fails(RateLimited(retry_after_seconds=seconds))).post()
    assert answer.status == 429
    assert answer.headers["Retry-After"] == header
    assert answer.json["retry_after"] == member


async def test_the_trace_and_the_id_reach_whatever_runs_for_the_request() -> None:
    seen = []

    async def step(call: Call, delivery: Delivery) -> Reply:
        seen.append(current_scope())
        await delivery.attempt()
        return SENT

    await House(step).post(headers={"traceparent": TRACEPARENT, "X-Request-ID": "r-1"})
    assert seen[0] is not None
    assert (seen[0].request_id, seen[0].trace_id) == ("r-1", "0af7651916cd43dd8448eb211c80319c")


async def test_a_refused_request_is_logged_without_its_token(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="services"):
        await House().post(headers={"Authorization": "Bearer secret-secret"})
    [record] = [record for record in caplog.records if record.message == "request refused"]
    fields = record.__dict__["fields"]
    assert (fields["code"], fields["route"], fields["method"]) == ("unauthenticated", MESSAGE, "POST")
    assert "secret-secret" not in str(fields)

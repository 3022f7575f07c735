"""What a call brings beside its message."""

import re
import time

import grpc
import pytest

from services.actions import Action
from services.discord_service import Performed
from services.grpc_handler.metadata import Metadata, conditions_of
from services.ports import Request
from services.telemetry import RequestScope, current_scope
from tests.unit.grpc_handler.caller import DEADLINES, Serving, deliver, serving

MESSAGE = {"channel_id": "123", "content": "hi"}
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("authorization", "token", "caller"),
    [
        ("Bearer meta-token", "", "meta"),
        ("bearer meta-token", "", "meta"),
        ("BEARER   meta-token ", "", "meta"),
        ("Bearer meta-token", "body-token", "meta"),
        ("", "body-token", "body"),
    ],
)
async def test_the_token_comes_from_the_metadata_or_else_the_body(
    served: Serving, authorization: str, token: str, caller: str
) -> None:
    answered = await served.call("SendMessage", {**MESSAGE, "token": token}, {"authorization": authorization})

    assert answered.error is None
    assert served.service.asked[-1][1].client_id == caller


@pytest.mark.parametrize("rpc_token", ["", "body-token"])
@pytest.mark.parametrize("authorization", ["Bearer wrong", "Basic meta-token", "Bearer", "meta-token"])
async def test_a_wrong_authorization_is_refused_whatever_the_body_says(
    served: Serving, authorization: str, rpc_token: str
) -> None:
    answered = await served.call("SendMessage", {**MESSAGE, "token": rpc_token}, {"authorization": authorization})

    assert answered.code is grpc.StatusCode.UNAUTHENTICATED
    assert answered.info.reason == "unauthenticated"
    assert served.service.asked == []


async def test_no_token_at_all_is_refused(served: Serving) -> None:
    answered = await served.call("SendMessage", MESSAGE, {"authorization": ""})

    assert answered.code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"x-request-id": "r-1"}, "r-1"),
        ({"x-correlation-id": "c-1"}, "c-1"),
        ({"x-request-id": "r-1", "x-correlation-id": "c-1"}, "r-1"),
        ({"x-request-id": "r" * 200}, "r" * 128),
        ({"x-request-id": "a b c"}, "abc"),
    ],
)
async def test_the_callers_request_id_is_kept(served: Serving, sent: dict[str, str], expected: str) -> None:
    answered = await served.call("SendMessage", MESSAGE, sent)

    assert answered.trailing["x-request-id"] == expected
    assert served.service.request.request_id == expected


async def test_a_request_without_an_id_is_given_one(served: Serving) -> None:
    ids = {str((await served.call("SendMessage", MESSAGE)).trailing["x-request-id"]) for _ in range(2)}

    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in ids)


async def test_the_service_runs_inside_the_requests_scope() -> None:
    scopes: list[RequestScope | None] = []

    async def look(action: Action, request: Request) -> Performed:
        scopes.append(current_scope())
        return await deliver(action, request)

    async with serving(look) as served:
        await served.call("SendMessage", MESSAGE, {"x-request-id": "r-1", "traceparent": TRACEPARENT})

    assert [(scope.request_id, scope.protocol, scope.traceparent) for scope in scopes if scope] == [
        ("r-1", "grpc", TRACEPARENT)
    ]


@pytest.mark.parametrize("key", ["k", "k" * 255, "with blank ~!"])
async def test_an_idempotency_key_reaches_the_service(served: Serving, key: str) -> None:
    await served.call("SendMessage", MESSAGE, {"idempotency-key": key})

    assert served.service.request.idempotency_key == key


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_bad_idempotency_key_is_named(served: Serving, key: str) -> None:
    answered = await served.call("SendMessage", MESSAGE, {"idempotency-key": key})

    assert answered.fields == {"idempotency-key": "must be 1 to 255 printable ASCII characters"}


@pytest.mark.parametrize("key", ["a\tb", "é", "a\x7f"], ids=ascii)
def test_a_key_that_only_a_careless_client_can_send_is_named_too(key: str) -> None:
    conditions = conditions_of(Metadata([("idempotency-key", key)]), "r-1", None, DEADLINES)
    assert [violation.field for violation in conditions.violations] == ["idempotency-key"]


def test_metadata_that_is_no_text_is_left_out() -> None:
    metadata = Metadata([("a", "1"), ("b-bin", b"2"), ("a", "3")])
    assert metadata.sent == {"a": "1, 3"}
    assert metadata.each("a") == ["1", "3"]
    assert metadata.each("b-bin") == Metadata(None).each("a") == []


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("idempotency-key", "a", "b"), ("idempotency-key", "a", "a"), ("x-priority", "normal", "bulk")],
)
async def test_what_must_be_said_once_is_refused_when_said_twice(
    served: Serving, name: str, first: str, second: str
) -> None:
    answered = await served.call("SendMessage", MESSAGE, [(name, first), (name, second)])

    assert answered.code is grpc.StatusCode.INVALID_ARGUMENT
    assert answered.fields == {name: "must be given once"}
    assert served.service.asked == []


async def test_two_tokens_are_no_token(served: Serving) -> None:
    answered = await served.call("SendMessage", MESSAGE, [("authorization", "Bearer another-token")])

    assert answered.code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(("priority", "is_bulk"), [("normal", False), ("bulk", True)])
async def test_bulk_is_marked(served: Serving, priority: str, is_bulk: bool) -> None:
    await served.call("SendMessage", MESSAGE, {"x-priority": priority})

    assert served.service.request.is_bulk is is_bulk


@pytest.mark.parametrize("priority", ["", "BULK", "high"])
async def test_another_priority_is_named(served: Serving, priority: str) -> None:
    answered = await served.call("SendMessage", MESSAGE, {"x-priority": priority})

    assert answered.fields == {"x-priority": "must be normal or bulk"}


@pytest.mark.parametrize(
    ("remaining_seconds", "expected_seconds"),
    [(None, 30.0), (20.0, 19.9), (0.5, 0.45), (0.0, 0.0), (1000.0, 300.0), (300.05, 299.95), (1e12, 300.0)],
)
def test_a_deadline_leaves_room_for_the_answer_and_has_a_bound(
    remaining_seconds: float | None, expected_seconds: float
) -> None:
    began = time.monotonic()
    request = conditions_of(Metadata(()), "r-1", remaining_seconds, DEADLINES).request
    took = time.monotonic() - began
    assert expected_seconds - 0.02 <= request.deadline - began <= expected_seconds + took + 0.02


@pytest.mark.parametrize(("timeout_seconds", "expected_seconds"), [(None, 30), (5, 4.9), (900, 300)])
async def test_the_callers_deadline_reaches_the_service(
    served: Serving, timeout_seconds: float | None, expected_seconds: float
) -> None:
    started = time.monotonic()
    await served.call("SendMessage", MESSAGE, timeout_seconds=timeout_seconds)
    took = time.monotonic() - started

    assert expected_seconds - 0.5 <= served.service.request.deadline - started <= expected_seconds + took + 0.02
    assert served.service.request.protocol == "grpc"

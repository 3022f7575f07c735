import asyncio

import pytest

from services.telemetry import (
    RequestScope,
    current_scope,
    new_request_id,
    request_scope,
    sanitised_request_id,
    valid_traceparent,
)

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_scope_ends_with_its_block() -> None:
    outer, inner = RequestScope("a", "grpc"), RequestScope("b", "rest")
    assert current_scope() is None
    with request_scope(outer):
        with request_scope(inner):
            assert current_scope() is inner
        assert current_scope() is outer
    assert current_scope() is None


async def test_tasks_do_not_see_each_others_scope() -> None:
    async def seen_by(request_id: str) -> str | None:
        with request_scope(RequestScope(request_id, "grpc")):
            await asyncio.sleep(0)
            scope = current_scope()
            return scope.request_id if scope else None

    seen = await asyncio.gather(seen_by("a"), seen_by("b"))
    assert list(seen) == ["a", "b"]


@pytest.mark.parametrize(
    ("raw", "kept"),
    [("abc-123", "abc-123"), ("a b\r\nc\x00dé", "abcd"), ("x" * 200, "x" * 128), ("é" + "y" * 128, "y" * 128)],
)
def test_a_callers_id_is_sanitised(raw: str, kept: str) -> None:
    assert sanitised_request_id(raw) == kept


@pytest.mark.parametrize("raw", [None, "", "\n", "éé"])
def test_a_new_id_stands_in_for_one_that_is_empty(raw: str | None) -> None:
    first, second = sanitised_request_id(raw), sanitised_request_id(raw)
    assert first != second
    assert len(first) == len(new_request_id()) == 32


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        TRACEPARENT.upper(),
        f"{TRACEPARENT}\n",
    ],
)
def test_a_malformed_traceparent_is_dropped(raw: str | None) -> None:
    assert valid_traceparent(raw) is None
    assert RequestScope.of("rest", "id", raw).trace_id is None


def test_a_scope_from_what_the_caller_sent() -> None:
    scope = RequestScope.of("rest", " id ", TRACEPARENT)
    assert (scope.request_id, scope.traceparent) == ("id", TRACEPARENT)
    assert scope.trace_id == "0af7651916cd43dd8448eb211c80319c"

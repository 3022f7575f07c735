"""Failures as problem+json: every code of the table, and what the framework itself refuses."""

import logging

import pytest

from services.actions import MessageSent
from services.errors import ActionError, AuditUnavailable, DiscordSaid, ErrorCode, OutcomeKind, Violation
from services.rest_api.request import NOWHERE, readable_path
from tests.fakes.discord import fails
from tests.unit.rest_api.house import MESSAGE, House

MEMBERS = {
    "type",
    "title",
    "status",
    "detail",
    "success",
    "error",
    "code",
    "outcome",
    "retryable",
    "request_id",
    "action_id",
}


class Coded(ActionError):
    """A failure with any code."""

    def __init__(self, code: ErrorCode) -> None:
        self.code = code
        super().__init__("Just so.")


@pytest.mark.parametrize("code", ErrorCode, ids=lambda code: str(code.slug))
async def test_every_code_has_its_status_and_its_words(code: ErrorCode) -> None:
    house = House(fails(Coded(code)))
    answer = await house.post(headers={"X-Request-ID": "r-1"})
    assert answer.status == code.http_status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json == {
        "type": f"urn:discord-action:error:{code.slug}",
        "title": code.title,
        "status": code.http_status,
        "detail": "Just so.",
        "success": False,
        "error": "Just so.",
        "code": code.slug,
        "outcome": "not_sent",
        "retryable": False,
        "request_id": "r-1",
        "action_id": house.record.begun[0].action_id,
    }


async def test_what_there_is_to_say_is_said() -> None:
    error = Coded(ErrorCode.DISCORD_INVALID_FORM)
    error.outcome, error.is_retryable, error.retry_after_seconds = OutcomeKind.REJECTED, True, 2.5
    error.discord = DiscordSaid(400, 50035)
    error.violations = (Violation(("embed", "fields", 0, "a/b~c"), "is bad"),)
    house = House(fails(error))
    body = (await house.post()).json
    assert body["outcome"] == "rejected"
    assert body["retryable"] is True
    assert body["retry_after"] == 2.5
    assert body["discord"] == {"status": 400, "code": 50035}
    assert body["errors"] == [{"pointer": "#/embed/fields/0/a~1b~0c", "detail": "is bad"}]
    assert body["action_id"] == house.record.begun[0].action_id


async def test_an_action_that_could_not_be_recorded_names_no_row() -> None:
    house = House()
    house.record.is_full = True
    answer = await house.post()
    assert (answer.status, answer.json["code"]) == (503, AuditUnavailable.code.slug)
    assert "action_id" not in answer.json
    assert answer.headers["Retry-After"] == "1"


async def test_a_failure_of_the_service_is_not_counted_as_a_refused_request() -> None:
    house = House(fails(Coded(ErrorCode.DISCORD_UNKNOWN_CHANNEL)))
    await house.post()
    assert house.counts.rejected == []


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/health", "/health"),
        ("http://a.host", "/"),
        ("http://a.host/health?x", "/health"),
        ("//", NOWHERE),
        ("//health", NOWHERE),
        ("http://[", NOWHERE),
    ],
)
def test_the_path_of_a_target_is_read_in_one_way_or_it_is_nowhere(target: str, path: str) -> None:
    assert readable_path(target) == path


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v1/message/",
        "/api//v1/message",
        "/api/v1/message/1",
        "/api/v1",
        "//",
        "//health",
        NOWHERE,
        "/index.html",
        "/docs/",
    ],
)
async def test_an_unknown_path_is_a_problem_not_a_page(method: str, path: str) -> None:
    house = House()
    answer = await house.send(method, path)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert house.counts.rejected == [("rest", "not_found")]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", MESSAGE, "POST"),
        ("OPTIONS", MESSAGE, "POST"),
        ("PUT", "/api/v1/message/1/2", "DELETE, PATCH"),
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/api/v1/actions", "GET, HEAD"),
    ],
)
async def test_another_method_is_told_which_there_are(method: str, path: str, allow: str) -> None:
    answer = await House().send(method, path)
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allow


async def test_what_was_not_foreseen_is_internal_and_its_cause_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    house = House()

    async def break_down(token: str | None) -> None:
        raise RuntimeError("a loose wire")

    house.authenticator.authenticate = break_down  # type: ignore[method-assign, assignment]
    with caplog.at_level(logging.INFO, logger="services"):
        answer = await house.post(headers={"X-Request-ID": "r-5"})
    assert (answer.status, answer.json["code"], answer.json["request_id"]) == (500, "internal", "r-5")
    assert b"loose wire" not in answer.body
    [record] = caplog.records
    assert record.message == "request failed"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "a loose wire"


async def test_what_breaks_in_the_framework_is_internal(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()

    async def fail(*_: object) -> None:
        raise RuntimeError("a loose wire")

    monkeypatch.setattr(house.app, "process_response", fail)
    answer = await house.get("/health/live")
    assert (answer.status, answer.json["code"]) == (500, "internal")


async def test_what_breaks_after_the_action_leaves_its_outcome_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(outcome: MessageSent) -> None:
        raise RuntimeError("a loose wire")

    monkeypatch.setattr(MessageSent, "model_dump", fail)
    answer = await House().post()
    assert (answer.status, answer.json["code"], answer.json["outcome"]) == (500, "internal", "unknown")


async def test_what_breaks_inside_the_service_is_internal_too() -> None:
    answer = await House(fails(RuntimeError("a loose wire"))).post()
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert b"loose wire" not in answer.body
    assert set(answer.json) == MEMBERS

"""Every failure is a status with details that say what happened and what to mend."""

import logging

import grpc
import pytest

from services.actions import Action, Done
from services.discord_service import Performed
from services.errors import (
    ActionError,
    DiscordSaid,
    ErrorCode,
    Failure,
    OutcomeKind,
    RememberedFailure,
    Violation,
)
from services.grpc_handler.refusal import MOST_VIOLATIONS, cut, refusal_of
from services.ports import Request
from tests.unit.grpc_handler.caller import AUTHORIZED, BREAKING_TOKEN, Answer, Answered, Serving, raw_call, serving

MESSAGE = {"channel_id": "123", "content": "hi"}
ROOM_FOR_TRAILERS_BYTES = 8 * 1024


def failing(exc: Exception) -> Answer:
    async def fail(action: Action, request: Request) -> Performed:
        raise exc

    return fail


async def refused(served: Serving, exc: Exception) -> Answered:
    served.service.answer = failing(exc)
    return await served.call("SendMessage", MESSAGE, {"x-request-id": "r-1"})


@pytest.mark.parametrize("code", ErrorCode, ids=lambda code: code.slug)
async def test_every_code_has_its_status_and_details(served: Serving, code: ErrorCode) -> None:
    exc = ActionError("What went wrong.")
    exc.code, exc.outcome, exc.is_retryable = code, OutcomeKind.REJECTED, True
    answered = await refused(served, exc)

    assert answered.code is grpc.StatusCode[code.grpc_status]
    assert answered.details == "What went wrong."
    assert (answered.info.reason, answered.info.domain) == (code.slug, "discord-action")
    assert dict(answered.info.metadata) == {"outcome": "rejected", "retryable": "true", "request_id": "r-1"}
    assert answered.trailing["x-request-id"] == "r-1"
    assert answered.kinds == ["google.rpc.ErrorInfo"]


async def test_all_that_is_known_is_told(served: Serving) -> None:
    exc = ActionError("Full.", retry_after_seconds=1.25)
    exc.code, exc.outcome = ErrorCode.DISCORD_INVALID_FORM, OutcomeKind.REJECTED
    exc.discord, exc.action_id = DiscordSaid(400, 50035), "0193-row"
    exc.violations = (Violation(("embed", "fields", 0, "name"), "is required"),)
    answered = await refused(served, exc)

    assert dict(answered.info.metadata) == {
        "outcome": "rejected",
        "retryable": "false",
        "request_id": "r-1",
        "action_id": "0193-row",
        "discord_status": "400",
        "discord_code": "50035",
    }
    assert answered.retry_seconds == 1.25
    assert answered.fields == {"embed.fields[0].name": "is required"}


async def test_discord_without_a_code_leaves_it_out(served: Serving) -> None:
    exc = ActionError("Bad gateway.")
    exc.discord = DiscordSaid(502, 0)
    metadata = (await refused(served, exc)).info.metadata

    assert metadata["discord_status"] == "502"
    assert "discord_code" not in metadata


async def test_a_remembered_failure_says_that_it_is_a_replay(served: Serving) -> None:
    failure = Failure(ErrorCode.DISCORD_REJECTED, "No.", OutcomeKind.REJECTED, is_retryable=False, replayed=True)
    answered = await refused(served, RememberedFailure(failure))

    assert answered.trailing["idempotency-replayed"] == "true"


async def test_the_unforeseen_is_internal_and_its_cause_stays_in_the_log(
    served: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "services.grpc_handler"):
        answered = await refused(served, KeyError("a secret"))

    assert answered.code is grpc.StatusCode.INTERNAL
    assert (answered.info.reason, answered.info.metadata["outcome"]) == ("internal", "unknown")
    assert "secret" not in f"{answered.details}{answered.trailing}"
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


async def test_the_unforeseen_before_the_service_sent_nothing(served: Serving) -> None:
    answered = await served.call("SendMessage", MESSAGE, {"authorization": f"Bearer {BREAKING_TOKEN}"})

    assert (answered.info.reason, answered.info.metadata["outcome"]) == ("internal", "not_sent")
    assert served.rejections.codes == ["internal"]


async def test_an_outcome_that_cannot_be_told_may_have_happened(served: Serving) -> None:
    async def tell_of_something_else(action: Action, request: Request) -> Performed:
        return Performed("0193", Done())

    served.service.answer = tell_of_something_else
    answered = await served.call("SendMessage", MESSAGE)

    assert (answered.info.reason, answered.info.metadata["outcome"]) == ("internal", "unknown")


async def test_bad_fields_are_named_all_at_once_with_the_metadatas(served: Serving) -> None:
    fields = {"channel_id": "01", "content": "x" * 2001, "allowed_mentions": ["all"]}
    answered = await served.call("SendMessage", fields, {"x-priority": "high", "idempotency-key": "k" * 256})

    assert answered.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(answered.fields) == {
        "channel_id",
        "content",
        "allowed_mentions[0]",
        "x-priority",
        "idempotency-key",
    }
    assert served.service.asked == []


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\n\x02\xff\xfe"], ids=["no message", "no UTF-8"])
async def test_a_body_that_cannot_be_read_is_an_invalid_argument(served: Serving, body: bytes) -> None:
    call = raw_call(served.channel, "SendMessage")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(body, metadata=AUTHORIZED, timeout=5)

    answered = Answered(caught.value.code(), None, dict(caught.value.trailing_metadata()), caught.value)
    assert answered.code is grpc.StatusCode.INVALID_ARGUMENT
    assert answered.details == "The body is not a readable discord_action.SendMessageRequest."
    assert answered.info.reason == "invalid_argument"


async def test_what_never_reaches_the_service_is_counted(served: Serving) -> None:
    await served.call("SendMessage", MESSAGE, {"authorization": "Bearer wrong"})
    await served.call("SendMessage", {})
    await refused(served, ActionError())

    assert served.rejections.codes == ["unauthenticated", "invalid_argument"]


async def test_a_replay_says_so_and_a_first_answer_does_not() -> None:
    async def replay(action: Action, request: Request) -> Performed:
        return Performed("0193", type(action).outcome_type.model_validate({"message_id": "5"}), replayed=True)

    async with serving() as served:
        first = await served.call("SendMessage", MESSAGE)
        served.service.answer = replay
        again = await served.call("SendMessage", MESSAGE)

    assert "idempotency-replayed" not in first.trailing
    assert again.trailing["idempotency-replayed"] == "true"


@pytest.mark.parametrize("text", ["x", "é", "\n", "%", "日本", "🙂"], ids=repr)
async def test_the_largest_failure_fits_what_clients_accept(served: Serving, text: str) -> None:
    exc = ActionError(text * 5000, retry_after_seconds=10**12)
    exc.violations = tuple(Violation((text * 300, number), text * 5000) for number in range(200))
    exc.action_id, exc.discord = "0" * 36, DiscordSaid(400, 50035)
    answered = await refused(served, exc)

    assert answered.info.reason == "internal"
    assert 1 <= len(answered.fields) <= MOST_VIOLATIONS
    assert answered.details is not None
    assert answered.details.endswith("…")


def largest_failure(text: str) -> Failure:
    violations = tuple(Violation((text * 300,), text * 5000) for _ in range(200))
    said = DiscordSaid(400, 50035)
    return Failure(
        ErrorCode.INVALID_ARGUMENT,
        text * 5000,
        OutcomeKind.REJECTED,
        is_retryable=False,
        retry_after_seconds=1,
        violations=violations,
        discord=said,
        action_id="0" * 36,
    )


@pytest.mark.parametrize("text", ["x", "é", "\n", "🙂"], ids=repr)
def test_trailers_stay_below_the_clients_limit(text: str) -> None:
    refusal = refusal_of(largest_failure(text), "r" * 128)

    # Base64 makes 4 bytes of 3, percent-encoding 3 of 1; each entry costs 32 more (RFC 9113, section 6.5.2).
    details = sum(1 if 32 <= byte < 127 and byte != ord("%") else 3 for byte in refusal.details.encode())
    sizes = [
        len(name) + 32 + (len(value) * 4 // 3 + 4 if isinstance(value, bytes) else len(value))
        for name, value in refusal.trailing
    ]
    assert details + sum(sizes) + 200 < ROOM_FOR_TRAILERS_BYTES


@pytest.mark.parametrize(
    ("text", "expected"),
    [("short", "short"), ("x" * 31, "x" * 21 + "…"), ("é" * 30, "é" * 3 + "…"), ("\ud800", "?")],
    ids=["short", "ascii", "percent-encoded", "lone surrogate"],
)
def test_text_is_cut_by_what_it_costs_on_the_wire(text: str, expected: str) -> None:
    assert cut(text, 30) == expected


@pytest.mark.parametrize("seconds", [-1.0, 0.0], ids=str)
async def test_a_retry_is_never_in_the_past(served: Serving, seconds: float) -> None:
    assert (await refused(served, ActionError(retry_after_seconds=seconds))).retry_seconds == 0


def test_the_statuses_named_in_the_table_are_grpcs() -> None:
    assert {code.grpc_status for code in ErrorCode} <= {status.name for status in grpc.StatusCode}

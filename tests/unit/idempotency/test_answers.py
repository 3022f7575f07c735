import pytest

from services.errors import ErrorCode, Failure, OutcomeKind
from services.idempotency.answers import LONGEST_BYTES, from_text, to_text
from services.ports import Answer
from tests.support.keys import DELIVERED, FAILED


@pytest.mark.parametrize("answer", [DELIVERED, FAILED, Answer("a"), Answer("a", record={})])
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    assert from_text(to_text(answer)) == answer


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_can_be_kept(code: ErrorCode) -> None:
    answer = Answer("a", failure=Failure(code, "why", OutcomeKind.UNKNOWN, is_retryable=False))
    assert from_text(to_text(answer)) == answer


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", to_text(FAILED).replace("discord_invalid_form", "of_tomorrow"), "null", '{"failure":1}'],
)
def test_what_cannot_be_read_is_unknown_and_never_nothing(text: str) -> None:
    failure = from_text(text).failure
    assert failure is not None
    assert (failure.code, failure.outcome, failure.is_retryable) == (
        ErrorCode.OUTCOME_UNKNOWN,
        OutcomeKind.UNKNOWN,
        False,
    )


def test_lone_surrogates_do_not_keep_an_answer_from_being_written() -> None:
    answer = Answer("a", failure=Failure(ErrorCode.DISCORD_REJECTED, "x\ud800", OutcomeKind.REJECTED, False))
    assert from_text(to_text(answer)).failure is not None
    assert len(to_text(answer)) < LONGEST_BYTES

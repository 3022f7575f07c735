"""Answers as text, for the stores that outlive a process.

What is read back may have been written by another release. An answer that cannot be read is still the proof that its
request ran: it becomes `outcome_unknown`, never a second run.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from services.errors import DiscordSaid, ErrorCode, Failure, OutcomeKind, Violation
from services.ports import Answer

LONGEST_BYTES: Final = 16_384
LONGEST_DETAIL: Final = 2_000
MOST_VIOLATIONS: Final = 20
UNREADABLE: Final = "An earlier request with this key ran; its answer cannot be read any more."


def to_text(answer: Answer) -> str:
    """The answer as JSON of at most `LONGEST_BYTES`: a failure keeps its meaning and loses what is too long to keep."""
    text = _encode(answer)
    if len(text) > LONGEST_BYTES and answer.failure is not None:
        text = _encode(replace(answer, failure=_shortened(answer.failure)))
    if len(text) > LONGEST_BYTES:
        text = _encode(Answer(answer.action_id, failure=_unreadable(answer.action_id)))
    return text.decode()


def from_text(text: str) -> Answer:
    """The answer that was written."""
    try:
        kept = orjson.loads(text)
        failure = kept["failure"]
        return Answer(kept["action_id"], kept["record"], None if failure is None else _failure(failure))
    except (ValueError, KeyError, TypeError):
        return Answer("", failure=_unreadable(None))


def _encode(answer: Answer) -> bytes:
    failure = answer.failure
    shown = None if failure is None else _shown(failure)
    return orjson.dumps({"action_id": answer.action_id, "record": answer.record, "failure": shown})


def _shown(failure: Failure) -> Mapping[str, Any]:
    return {
        "code": failure.code.slug,
        "detail": failure.detail.encode(errors="replace").decode(),
        "outcome": failure.outcome.value,
        "is_retryable": failure.is_retryable,
        "retry_after_seconds": failure.retry_after_seconds,
        "violations": [[violation.path, violation.detail] for violation in failure.violations],
        "discord": failure.discord and [failure.discord.status, failure.discord.code],
        "action_id": failure.action_id,
    }


def _failure(kept: Mapping[str, Any]) -> Failure:
    discord = kept["discord"]
    return Failure(
        code=ErrorCode[kept["code"].upper()],
        detail=kept["detail"],
        outcome=OutcomeKind(kept["outcome"]),
        is_retryable=kept["is_retryable"],
        retry_after_seconds=kept["retry_after_seconds"],
        violations=tuple(Violation(tuple(path), detail) for path, detail in kept["violations"]),
        discord=None if discord is None else DiscordSaid(*discord),
        action_id=kept["action_id"],
    )


def _shortened(failure: Failure) -> Failure:
    violations = tuple(
        Violation(violation.path, violation.detail[: LONGEST_DETAIL // MOST_VIOLATIONS])
        for violation in failure.violations[:MOST_VIOLATIONS]
    )
    return replace(failure, detail=failure.detail[:LONGEST_DETAIL], violations=violations)


def _unreadable(action_id: str | None) -> Failure:
    return Failure(
        ErrorCode.OUTCOME_UNKNOWN, UNREADABLE, OutcomeKind.UNKNOWN, is_retryable=False, action_id=action_id or None
    )

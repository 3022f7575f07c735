"""The failures of each operation, by HTTP status, with an example of every code."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from services.errors import ActionError, ErrorCode, Failure, OutcomeKind, Violation
from services.rest_api.openapi.discords import discord_said
from services.rest_api.openapi.examples import ACTION_ID, REQUEST_ID
from services.rest_api.openapi.parameters import header_out_references
from services.rest_api.openapi.schemas import reference
from services.rest_api.problems import problem
from services.rest_api.responses import PROBLEM_JSON

BODY: Final = (
    ErrorCode.INVALID_ARGUMENT,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.DEADLINE_EXCEEDED,
)
READING: Final = (
    ErrorCode.INVALID_ARGUMENT,
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.PERMISSION_DENIED,
    ErrorCode.AUDIT_UNAVAILABLE,
    ErrorCode.INTERNAL,
)
# An unknown path or method is no operation; every other code can end an action.
ACTION: Final = tuple(c for c in ErrorCode if c not in {ErrorCode.NOT_FOUND, ErrorCode.METHOD_NOT_ALLOWED})

CODES: Final[Mapping[str, tuple[ErrorCode, ...]]] = {
    "Action": ACTION,
    "Token": (
        *BODY,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.RATE_LIMITED,
        ErrorCode.AUDIT_UNAVAILABLE,
        ErrorCode.INTERNAL,
    ),
    "Page": READING,
    "Export": (*READING, ErrorCode.OVERLOADED),
    "Row": (ErrorCode.UNAUTHENTICATED, ErrorCode.NOT_FOUND, ErrorCode.AUDIT_UNAVAILABLE, ErrorCode.INTERNAL),
    "Limits": (
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.PERMISSION_DENIED,
        ErrorCode.AUDIT_UNAVAILABLE,
        ErrorCode.INTERNAL,
    ),
    "Open": (ErrorCode.INTERNAL,),
    "File": (ErrorCode.NOT_FOUND, ErrorCode.INTERNAL),
}
"""Which codes end which kind of operation."""

RETRYABLE: Final = frozenset(error.code for error in ActionError.__subclasses__() if error.is_retryable)


def error_components() -> dict[str, Any]:
    """The failures of every kind of operation, as components."""
    found: dict[str, Any] = {}
    for kind, codes in CODES.items():
        for status, group in _by_status(codes):
            found[f"{kind}{status}"] = _response(group)
    return found


def error_references(kind: str) -> dict[str, Any]:
    """The failures of one kind of operation, by status."""
    return {str(status): {"$ref": f"#/components/responses/{kind}{status}"} for status, _ in _by_status(CODES[kind])}


def example_failure(code: ErrorCode) -> Failure:
    """What a failure with this code may look like."""
    is_retryable = code in RETRYABLE
    return Failure(
        code=code,
        detail=code.mend,
        outcome=_outcome(code),
        is_retryable=is_retryable,
        retry_after_seconds=1.5 if is_retryable and code is not ErrorCode.DEADLINE_EXCEEDED else None,
        violations=(Violation(("content",), "must be at most 2000 characters"),) if _names_fields(code) else (),
        discord=discord_said(code),
        action_id=ACTION_ID if _is_discords(code) or code is ErrorCode.OUTCOME_UNKNOWN else None,
    )


def _by_status(codes: Iterable[ErrorCode]) -> list[tuple[int, list[ErrorCode]]]:
    ordered = sorted(codes, key=lambda code: code.http_status)
    return [(status, list(group)) for status, group in groupby(ordered, key=lambda code: code.http_status)]


def _response(codes: list[ErrorCode]) -> dict[str, Any]:
    examples = {
        code.slug: {"summary": code.title, "value": problem(example_failure(code), REQUEST_ID)} for code in codes
    }
    return {
        "description": "\n".join(f"- `{code.slug}`: {code.title}. {code.mend}" for code in codes),
        "headers": _headers(codes),
        "content": {PROBLEM_JSON: {"schema": reference("Problem"), "examples": examples}},
    }


def _headers(codes: list[ErrorCode]) -> dict[str, Any]:
    names = ["X-Request-ID"]
    if RETRYABLE.intersection(codes):
        names.append("Retry-After")
    if ErrorCode.UNAUTHENTICATED in codes:
        names.append("WWW-Authenticate")
    return header_out_references(*names)


def _outcome(code: ErrorCode) -> OutcomeKind:
    if code is ErrorCode.OUTCOME_UNKNOWN:
        return OutcomeKind.UNKNOWN
    return OutcomeKind.REJECTED if _is_discords(code) else OutcomeKind.NOT_SENT


def _is_discords(code: ErrorCode) -> bool:
    """Whether Discord itself said so."""
    return discord_said(code) is not None


def _names_fields(code: ErrorCode) -> bool:
    return code in {ErrorCode.INVALID_ARGUMENT, ErrorCode.DISCORD_INVALID_FORM}

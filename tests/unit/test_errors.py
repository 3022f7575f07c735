import pytest

from services.errors import ErrorCode, Internal, OutcomeKind, RateLimited, Violation, describe, unsettled

STATUSES = {
    "invalid_argument": (400, "INVALID_ARGUMENT"),
    "unauthenticated": (401, "UNAUTHENTICATED"),
    "permission_denied": (403, "PERMISSION_DENIED"),
    "not_found": (404, "NOT_FOUND"),
    "method_not_allowed": (405, "UNIMPLEMENTED"),
    "unsupported_media_type": (415, "INVALID_ARGUMENT"),
    "payload_too_large": (413, "RESOURCE_EXHAUSTED"),
    "idempotency_mismatch": (422, "FAILED_PRECONDITION"),
    "idempotency_in_progress": (409, "ABORTED"),
    "rate_limited": (429, "RESOURCE_EXHAUSTED"),
    "overloaded": (503, "UNAVAILABLE"),
    "discord_invalid_form": (400, "INVALID_ARGUMENT"),
    "discord_payload_too_large": (413, "INVALID_ARGUMENT"),
    "discord_missing_access": (403, "PERMISSION_DENIED"),
    "discord_missing_permissions": (403, "PERMISSION_DENIED"),
    "discord_blocked_by_user": (403, "PERMISSION_DENIED"),
    "bot_token_invalid": (502, "FAILED_PRECONDITION"),
    "discord_unavailable": (503, "UNAVAILABLE"),
    "outcome_unknown": (504, "UNKNOWN"),
    "deadline_exceeded": (504, "DEADLINE_EXCEEDED"),
    "audit_unavailable": (503, "UNAVAILABLE"),
    "shutting_down": (503, "UNAVAILABLE"),
    "internal": (500, "INTERNAL"),
}


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.slug)
def test_every_code_has_the_contracts_statuses(code: ErrorCode) -> None:
    if code.slug in STATUSES:
        expected = STATUSES[code.slug]
    elif "unknown" in code.slug or code.slug == "discord_not_found":
        expected = (404, "NOT_FOUND")
    else:
        assert code.slug.startswith("discord_")
        expected = (409, "FAILED_PRECONDITION")
    assert (code.http_status, code.grpc_status) == expected


def test_every_code_says_what_to_mend() -> None:
    assert all(code.title and code.mend.endswith(".") for code in ErrorCode)


def test_a_field_is_named_in_both_protocols_ways() -> None:
    violation = Violation(("embed", "fields", 0, "na~me/"), "is bad")
    assert (violation.pointer, violation.field) == ("#/embed/fields/0/na~0me~1", "embed.fields[0].na~me/")


def test_the_unforeseen_is_internal_with_a_fixed_text() -> None:
    failure = describe(RuntimeError("secret"))
    assert failure == Internal().failure
    assert (failure.code, failure.is_retryable) == (ErrorCode.INTERNAL, False)


def test_a_failure_carries_its_wait() -> None:
    assert describe(RateLimited(retry_after_seconds=1.5)).retry_after_seconds == 1.5


@pytest.mark.parametrize(
    ("is_safe", "code", "is_retryable"),
    [(True, ErrorCode.DISCORD_UNAVAILABLE, True), (False, ErrorCode.OUTCOME_UNKNOWN, False)],
)
def test_unavailable_is_said_only_where_a_repeat_is_safe(is_safe: bool, code: ErrorCode, is_retryable: bool) -> None:
    failure = unsettled(is_safe_to_repeat=is_safe).failure
    assert (failure.code, failure.is_retryable, failure.outcome) == (code, is_retryable, OutcomeKind.UNKNOWN)

"""Failures before anything was sent: the action is `not_sent`."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from services.errors.codes import ErrorCode, OutcomeKind
from services.errors.failure import DiscordSaid, Failure, Violation

# A caller chooses how much is wrong; what we say about it stays readable, and fits into a gRPC trailer.
MOST_VIOLATIONS: Final = 25


class ActionError(Exception):
    """A foreseen failure. Subclasses fix the code; `detail` is written for the caller and holds no secret.

    `is_retryable` says whether the same request may be sent again without risk of acting twice, and may succeed then.
    """

    code: ErrorCode = ErrorCode.INTERNAL
    outcome: OutcomeKind = OutcomeKind.NOT_SENT
    is_retryable: bool = False
    violations: tuple[Violation, ...] = ()
    discord: DiscordSaid | None = None
    action_id: str | None = None
    replayed: bool = False

    def __init__(self, detail: str | None = None, *, retry_after_seconds: float | None = None) -> None:
        self.detail = detail or f"{self.code.title}."
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.detail)

    @property
    def failure(self) -> Failure:
        """The failure as the protocols write it."""
        return Failure(
            code=self.code,
            detail=self.detail,
            outcome=self.outcome,
            is_retryable=self.is_retryable,
            retry_after_seconds=self.retry_after_seconds,
            violations=self.violations,
            discord=self.discord,
            action_id=self.action_id,
            replayed=self.replayed,
        )


class InvalidArgument(ActionError):
    """The request is not valid; every bad field is named at once, up to `MOST_VIOLATIONS`."""

    code = ErrorCode.INVALID_ARGUMENT

    def __init__(self, violations: Sequence[Violation] = (), detail: str | None = None) -> None:
        self.violations = tuple(violation.shortened() for violation in violations[:MOST_VIOLATIONS])
        told = [f"{violation.field or 'request'}: {violation.detail}" for violation in self.violations]
        if len(violations) > MOST_VIOLATIONS:
            told.append(f"and {len(violations) - MOST_VIOLATIONS} more")
        super().__init__(detail or "; ".join(told))


class AuthFailure(StrEnum):
    """Why a caller was refused, as far as it is counted; none of it is told to the caller in these words."""

    MISSING = "missing"
    INVALID = "invalid"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    CLAIMS = "claims"
    REVOKED = "revoked"
    SECRET = "secret"  # noqa: S105  # a client's secret was wrong


class Unauthenticated(ActionError):
    """No token, or one that does not verify. The detail never says which part of a signature failed."""

    code = ErrorCode.UNAUTHENTICATED

    def __init__(self, detail: str | None = None, *, reason: AuthFailure = AuthFailure.INVALID) -> None:
        self.reason = reason
        super().__init__(detail)


class PermissionDenied(ActionError):
    """The caller's token does not allow the action."""

    code = ErrorCode.PERMISSION_DENIED


class NotFound(ActionError):
    """Nothing of ours stands at this path or under this id."""

    code = ErrorCode.NOT_FOUND


class MethodNotAllowed(ActionError):
    """The path exists, the method does not."""

    code = ErrorCode.METHOD_NOT_ALLOWED


class PayloadTooLarge(ActionError):
    """The request is larger than we read."""

    code = ErrorCode.PAYLOAD_TOO_LARGE


class UnsupportedMediaType(ActionError):
    """The body is not JSON."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE


class IdempotencyMismatch(ActionError):
    """The key was used for another request."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH


class IdempotencyInProgress(ActionError):
    """The first request with this key still runs."""

    code = ErrorCode.IDEMPOTENCY_IN_PROGRESS
    is_retryable = True


class RateLimited(ActionError):
    """A limit leaves no room inside the deadline; `retry_after_seconds` is when there is."""

    code = ErrorCode.RATE_LIMITED
    is_retryable = True


class Overloaded(ActionError):
    """A queue is full."""

    code = ErrorCode.OVERLOADED
    is_retryable = True


class DeadlineExceeded(ActionError):
    """The caller's time was up, or the caller gave up, before anything was sent."""

    code = ErrorCode.DEADLINE_EXCEEDED
    is_retryable = True


class AuditUnavailable(ActionError):
    """The action cannot be put on the record, so it was not sent."""

    code = ErrorCode.AUDIT_UNAVAILABLE
    is_retryable = True


class KeysUnavailable(ActionError):
    """The store of idempotency keys is away, so a repeat could not be told from a first request: it was not sent."""

    code = ErrorCode.AUDIT_UNAVAILABLE
    is_retryable = True


class ShuttingDown(ActionError):
    """The replica takes no more actions."""

    code = ErrorCode.SHUTTING_DOWN
    is_retryable = True


class Internal(ActionError):
    """Something unforeseen. The text is fixed; the cause is in the log under the request id."""

    def __init__(self, outcome: OutcomeKind = OutcomeKind.NOT_SENT) -> None:
        self.outcome = outcome
        super().__init__("Something went wrong on our side. The log has the cause under the request id.")

"""Every way an action can fail, said once.

A failure has one code. From the code follow the HTTP status, the gRPC status and what to mend; `describe` turns
any exception into the one `Failure` both protocols write. Two rules keep callers safe:

- UNAVAILABLE (503) is only for failures after which the same request may be sent again without acting twice, because
  gRPC clients repeat on it blindly. What may have happened and must not be repeated is UNKNOWN (504).
- What we did not foresee is `internal` with a fixed text. The cause goes to the log, never to the caller.
"""

from services.errors.codes import ErrorCode, OutcomeKind
from services.errors.discords import (
    BotTokenInvalid,
    DiscordRejected,
    DiscordUnavailable,
    OutcomeUnknown,
    RememberedFailure,
    unsettled,
)
from services.errors.failure import DiscordSaid, Failure, Violation
from services.errors.ours import (
    ActionError,
    AuditUnavailable,
    AuthFailure,
    DeadlineExceeded,
    IdempotencyInProgress,
    IdempotencyMismatch,
    Internal,
    InvalidArgument,
    KeysUnavailable,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    ShuttingDown,
    Unauthenticated,
    UnsupportedMediaType,
)

__all__ = [
    "ActionError",
    "AuditUnavailable",
    "AuthFailure",
    "BotTokenInvalid",
    "DeadlineExceeded",
    "DiscordRejected",
    "DiscordSaid",
    "DiscordUnavailable",
    "ErrorCode",
    "Failure",
    "IdempotencyInProgress",
    "IdempotencyMismatch",
    "Internal",
    "InvalidArgument",
    "KeysUnavailable",
    "MethodNotAllowed",
    "NotFound",
    "OutcomeKind",
    "OutcomeUnknown",
    "Overloaded",
    "PayloadTooLarge",
    "PermissionDenied",
    "RateLimited",
    "RememberedFailure",
    "ShuttingDown",
    "Unauthenticated",
    "UnsupportedMediaType",
    "Violation",
    "describe",
    "unsettled",
]


def describe(exc: BaseException) -> Failure:
    """The failure to answer with: the error's own, or `internal` for anything unforeseen."""
    return exc.failure if isinstance(exc, ActionError) else Internal().failure

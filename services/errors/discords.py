"""Failures at or behind Discord, and what may have happened there."""

from collections.abc import Sequence
from typing import Final

from services.errors.codes import ErrorCode, OutcomeKind
from services.errors.failure import DiscordSaid, Failure, Violation
from services.errors.ours import ActionError

# Whoever may repeat is told when, also where nobody knows how long it will last.
RETRY_SOON_SECONDS: Final = 1.0


class DiscordUnavailable(ActionError):
    """Discord was not reached, or failed on an action that may be repeated.

    `outcome` is `not_sent`, or `unknown` when an attempt may have been carried out; a repeat is safe either way.
    """

    code = ErrorCode.DISCORD_UNAVAILABLE
    is_retryable = True

    def __init__(
        self,
        detail: str | None = None,
        *,
        outcome: OutcomeKind = OutcomeKind.NOT_SENT,
        discord: DiscordSaid | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.outcome = outcome
        self.discord = discord
        super().__init__(detail, retry_after_seconds=retry_after_seconds or RETRY_SOON_SECONDS)


class OutcomeUnknown(ActionError):
    """The action may have been carried out, and a repeat could carry it out twice."""

    code = ErrorCode.OUTCOME_UNKNOWN
    outcome = OutcomeKind.UNKNOWN

    def __init__(self, detail: str | None = None, *, discord: DiscordSaid | None = None) -> None:
        self.discord = discord
        super().__init__(detail)


class DiscordRejected(ActionError):
    """Discord refused the action: nothing happened. The code is the instance's own."""

    outcome = OutcomeKind.REJECTED

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        discord: DiscordSaid,
        violations: Sequence[Violation] = (),
    ) -> None:
        self.code = code
        self.discord = discord
        self.violations = tuple(violations)
        super().__init__(detail)


class BotTokenInvalid(ActionError):
    """Discord refuses our bot's token. The caller can do nothing about it."""

    code = ErrorCode.BOT_TOKEN_INVALID
    outcome = OutcomeKind.REJECTED

    def __init__(self, detail: str | None = None, *, discord: DiscordSaid | None = None) -> None:
        self.discord = discord
        super().__init__(detail)


class RememberedFailure(ActionError):
    """The failure an earlier request with the same idempotency key ended in."""

    def __init__(self, failure: Failure) -> None:
        self.code = failure.code
        self.outcome = failure.outcome
        self.is_retryable = failure.is_retryable
        self.violations = failure.violations
        self.discord = failure.discord
        self.action_id = failure.action_id
        self.replayed = True
        super().__init__(failure.detail, retry_after_seconds=failure.retry_after_seconds)


def unsettled(*, is_safe_to_repeat: bool, detail: str | None = None, discord: DiscordSaid | None = None) -> ActionError:
    """The honest failure for what may have happened: UNAVAILABLE only where the caller may simply repeat."""
    if is_safe_to_repeat:
        return DiscordUnavailable(detail, outcome=OutcomeKind.UNKNOWN, discord=discord)
    return OutcomeUnknown(detail, discord=discord)

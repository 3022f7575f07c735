"""Actions and the requests that became none: the promises callers rely on."""

from typing import Final, Literal, NamedTuple

from services.telemetry.metrics.definitions import MOST_SERIES_OF_ACTIONS, Board

ACTION_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
STAGE_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

INTERNAL: Final = "internal"
NO_PROTOCOL: Final = "none"

type Protocol = Literal["grpc", "rest"]


class Stages(NamedTuple):
    """Where the seconds of an action went: standing in line, at Discord, in this process."""

    waiting_seconds: float
    discord_seconds: float
    own_seconds: float


class ActionFigures:
    """Counts how requests ended."""

    def __init__(self, board: Board) -> None:
        self._actions = board.counter(
            "actions",
            "Actions that ended. `outcome`: delivered, rejected, not_sent, unknown. `code`: ok, or an error code.",
            "action",
            "protocol",
            "outcome",
            "code",
            most=MOST_SERIES_OF_ACTIONS,
        )
        self._action_seconds = board.histogram(
            "action_seconds", "From accepted to recorded.", ACTION_SECONDS, "action", "protocol"
        )
        self._stage_seconds = board.histogram(
            "stage_seconds",
            "Where an action's time went. `stage`: waiting (for limits, places, backoff), discord (until its reply), "
            "ours (the rest).",
            STAGE_SECONDS,
            "stage",
        )
        self._rejected = board.counter(
            "rejected_requests",
            "Requests that became no action: no token, unreadable, unknown path.",
            "protocol",
            "code",
        )
        self._auth_failures = board.counter(
            "auth_failures", "Tokens and client secrets that were refused, by the kind of reason.", "reason"
        )
        self._replays = board.counter(
            "replays", "Requests answered from an earlier one with the same idempotency key.", "protocol"
        )
        self._internal = board.counter(
            "internal_errors",
            "Requests that ended with something unforeseen; `protocol` none: background tasks that broke, and were "
            "begun anew. The log has the cause.",
            "protocol",
        )
        for protocol in ("grpc", "rest", NO_PROTOCOL):
            self._internal.of(protocol)  # from 0 on, so that the first one is seen as an increase
        board.watch("gauge", "in_flight", "Actions being worked on.")

    def action_finished(  # noqa: PLR0917 -- the labels, and what is observed
        self,
        action_type: str,
        protocol: Protocol,
        outcome: str,
        code: str,
        duration_seconds: float,
        stages: Stages | None = None,
    ) -> None:
        """Reports how an action ended; `code` is `ok` or one of the error table."""
        self._actions.of(action_type, protocol, outcome, code).inc()
        self._action_seconds.of(action_type, protocol).observe(duration_seconds)
        if code == INTERNAL:
            self._internal.of(protocol).inc()
        if stages is not None:
            self._stage_seconds.of("waiting").observe(stages.waiting_seconds)
            self._stage_seconds.of("discord").observe(stages.discord_seconds)
            self._stage_seconds.of("ours").observe(stages.own_seconds)

    def rejected_request(self, protocol: Protocol, code: str) -> None:
        """Reports a request that never became an action: no token, unreadable, unknown path."""
        self._rejected.of(protocol, code).inc()
        if code == INTERNAL:
            self._internal.of(protocol).inc()

    def task_broke(self) -> None:
        """Reports a background task that ended with something unforeseen, and is begun anew."""
        self._internal.of(NO_PROTOCOL).inc()

    def auth_failed(self, reason: str) -> None:
        """Reports a refused token or secret: `missing`, `expired`, …, as `Unauthenticated.reason` has it."""
        self._auth_failures.of(reason).inc()

    def replayed(self, protocol: Protocol) -> None:
        """Reports a request that was answered from an earlier one."""
        self._replays.of(protocol).inc()

"""What a call brings beside its message: who asks, which request it is, how long it may take, how it is to be treated.

A caller's deadline is shortened a little: gRPC cancels a call the moment its deadline passes, and an answer that says
what became of the action must be on its way before that.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from config import DeadlineSettings
from services.errors import Unauthenticated, Violation
from services.telemetry import RequestScope

LONGEST_IDEMPOTENCY_KEY: Final = 255
PRIORITIES: Final = ("normal", "bulk")
LONGEST_ANSWER_SECONDS: Final = 0.1
ANSWER_SHARE: Final = 0.1

type Metadata = Mapping[str, str]


def received(pairs: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    """The metadata that is text; of a name given twice the last value."""
    return {name: value for name, value in pairs or () if isinstance(value, str)}


def scope_of(metadata: Metadata) -> RequestScope:
    """The request's id and trace; ids that cannot be logged as they are, are made so."""
    request_id = metadata.get("x-request-id") or metadata.get("x-correlation-id")
    return RequestScope.of("grpc", request_id, metadata.get("traceparent"))


def token_of(metadata: Metadata, token_in_body: str | None) -> str | None:
    """The bearer token; the metadata's wins. Raises Unauthenticated for an `authorization` of another form."""
    authorization = metadata.get("authorization", "").strip()
    if not authorization:
        return token_in_body
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The metadata `authorization` must be `Bearer <JWT>`.")
    return token.strip()


def violations_of(metadata: Metadata) -> list[Violation]:
    """What is wrong with the metadata that steers a request."""
    violations = []
    key = metadata.get("idempotency-key")
    if key is not None and not _is_idempotency_key(key):
        detail = f"must be 1 to {LONGEST_IDEMPOTENCY_KEY} printable ASCII characters"
        violations.append(Violation(("idempotency-key",), detail))
    if metadata.get("x-priority", "normal") not in PRIORITIES:
        violations.append(Violation(("x-priority",), f"must be one of {', '.join(PRIORITIES)}"))
    return violations


def _is_idempotency_key(key: str) -> bool:
    return 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY and key.isascii() and key.isprintable()


def deadline_of(now: float, remaining_seconds: float | None, deadlines: DeadlineSettings) -> float:
    """When the action's time is up, on the clock of `now`. `remaining_seconds` is None when the caller set none."""
    if remaining_seconds is None:
        return now + deadlines.default_seconds
    answer_seconds = min(LONGEST_ANSWER_SECONDS, remaining_seconds * ANSWER_SHARE)
    return now + min(remaining_seconds - answer_seconds, deadlines.longest_seconds)

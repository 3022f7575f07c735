"""What a call brings beside its message: who asks, which request it is, how long it may take, how it is to be treated.

A caller's deadline is shortened a little: gRPC cancels a call the moment its deadline passes, and an answer that says
what became of the action must be on its way before that.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Final

from config import DeadlineSettings
from services.errors import Unauthenticated
from services.request_conditions import Conditions, Said, Spelling, joined, read_conditions
from services.telemetry import RequestScope

SPELLING: Final = Spelling("grpc", "idempotency-key", "x-priority")
LONGEST_ANSWER_SECONDS: Final = 0.1
ANSWER_SHARE: Final = 0.1


class Metadata:
    """The metadata of a call that is text."""

    def __init__(self, pairs: Iterable[tuple[str, str | bytes]] | None) -> None:
        self._pairs = [(name, value) for name, value in pairs or () if isinstance(value, str)]

    @cached_property
    def sent(self) -> dict[str, str]:
        """The values by name; repeated ones joined."""
        return joined(self._pairs)

    def each(self, name: str) -> list[str]:
        """Every value of a name, for what must not be joined."""
        if name not in self.sent:
            return []
        return [value for sent_name, value in self._pairs if sent_name == name]


def scope_of(metadata: Metadata) -> RequestScope:
    """The request's id and trace; ids that cannot be logged as they are, are made so."""
    sent = metadata.sent
    return RequestScope.of("grpc", sent.get("x-request-id") or sent.get("x-correlation-id"), sent.get("traceparent"))


def token_of(metadata: Metadata, token_in_body: str | None) -> str | None:
    """The bearer token; the metadata's wins. Raises Unauthenticated for an `authorization` of another form."""
    authorization = metadata.sent.get("authorization", "").strip()
    if not authorization:
        return token_in_body
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or "," in token:  # joined: two were sent
        raise Unauthenticated("The metadata `authorization` must be `Bearer <JWT>`.")
    return token.strip()


def conditions_of(
    metadata: Metadata, request_id: str, remaining_seconds: float | None, deadlines: DeadlineSettings
) -> Conditions:
    """Reads how the call is to be carried out. `remaining_seconds` is None when the caller set no deadline."""
    said = Said(metadata.each("idempotency-key"), metadata.each("x-priority"), _wait_seconds(remaining_seconds))
    return read_conditions(said, SPELLING, request_id, deadlines)


def _wait_seconds(remaining_seconds: float | None) -> float | None:
    if remaining_seconds is None:
        return None
    return remaining_seconds - min(LONGEST_ANSWER_SECONDS, remaining_seconds * ANSWER_SHARE)

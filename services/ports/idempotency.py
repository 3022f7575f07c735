"""Idempotency keys and their answers."""

from dataclasses import dataclass
from typing import Protocol

from services.errors import Failure
from services.ports.discord import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request with an idempotency key was answered. `record` is the outcome's own record: it holds no secret."""

    action_id: str
    record: Json | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A request identified: its caller and key, and a fingerprint of what it asks for."""

    client_id: str
    key: str
    fingerprint: str


class IdempotencyStore(Protocol):
    """Keys and answers, per caller."""

    async def begin(self, claim: IdempotencyClaim, action_id: str, deadline: float) -> Answer | None:
        """None: the request is the first with its key and now runs. An Answer: it ran before, answer this again.

        Waits for a first request that still runs, until `deadline`. Raises IdempotencyMismatch, IdempotencyInProgress.
        """
        ...

    async def finish(self, claim: IdempotencyClaim, answer: Answer | None) -> None:
        """Remembers the answer; None frees the key, because nothing was sent. Never raises."""
        ...

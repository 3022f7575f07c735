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


@dataclass(frozen=True, slots=True)
class First:
    """The request is the first with its key, and holds it now."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A request with this key ran before; this was its answer."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Orphaned:
    """An earlier request with this key had no clear end, or its process died before. This one holds the key now.

    `action_id` is the first request's; `age_seconds` have passed since it took the key, so its first attempt, if there
    was one, is younger.
    """

    action_id: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Unsettled:
    """How a request ended that may have worked, and whose repeat with the same key may find that out.

    The key is left for that like an orphan's; `answer` is remembered where it cannot be.
    """

    answer: Answer


@dataclass(frozen=True, slots=True)
class Unprotected:
    """Nobody can say whether a request with this key ran before: the store is away. The key is not held."""

    reason: str


type Ending = Answer | Unsettled | None
type Begun = First | Replay | Orphaned | Unprotected


class IdempotencyStore(Protocol):
    """Keys and answers, per caller."""

    async def begin(self, claim: IdempotencyClaim, action_id: str, deadline: float) -> Begun:
        """Takes the key for the request that `action_id` names, or tells what is known under it.

        Waits for a request that still runs, until `deadline`. A request that is cancelled here holds nothing. Raises
        IdempotencyMismatch, IdempotencyInProgress, Overloaded.
        """
        ...

    def holds(self, claim: IdempotencyClaim, action_id: str) -> bool:
        """Whether the request still holds its key: no other can have taken it over in the meantime."""
        ...

    async def finish(self, claim: IdempotencyClaim, action_id: str, ending: Ending) -> None:
        """Remembers the answer. None leaves the key as it was found: free, or orphaned. Never raises.

        Unsettled leaves it orphaned, to be taken over by the next request with the key.
        """
        ...

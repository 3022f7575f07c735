"""Where keys are kept: what a table of keys has to do, atomically, for `store.IdempotencyKeys`."""

from collections.abc import Collection
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol, Self

from services.ports import Ending, First, IdempotencyClaim, Orphaned, Replay

KEPT_SECONDS: Final = 24 * 3600.0
RETRY_SOON_SECONDS: Final = 1.0
MISMATCH: Final = "The idempotency key was used for another request."
NO_ROOM: Final = "Too many idempotency keys are in use."


class Place(NamedTuple):
    """Where a caller's key is kept: both as fingerprints, so that a place has the same size whatever callers send."""

    caller: str
    key: str

    @classmethod
    def of(cls, claim: IdempotencyClaim) -> Self:
        return cls(_fingerprint(claim.client_id), _fingerprint(f"{claim.client_id}\0{claim.key}"))


def _fingerprint(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


class KeysAway(Exception):
    """The table cannot be asked now. `may_have_claimed`: what was asked may have been carried out all the same."""

    def __init__(self, reason: str, *, may_have_claimed: bool) -> None:
        self.reason = reason
        self.may_have_claimed = may_have_claimed
        super().__init__(reason)


class KeyTable(Protocol):
    """A table of keys. `owner` is the action that holds a place; every operation bears being carried out twice."""

    async def open(self) -> None:
        """Starts what keeps held places held."""
        ...

    async def close(self) -> None:
        """Lets go of everything."""
        ...

    async def claim(self, place: Place, fingerprint: str, owner: str) -> First | Replay | Orphaned | None:
        """Takes the place, or tells what is known there; None: its request still runs.

        Raises IdempotencyMismatch, Overloaded when there is no room, KeysAway.
        """
        ...

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        """Writes the answer; None leaves the place as `claim` found it, Unsettled as an orphan.

        Does nothing where another owner holds it. A place that is gone by now gets the answer, also for Unsettled: how
        old its request is cannot be known any more.

        Raises KeysAway.
        """
        ...

    async def running(self, places: Collection[Place]) -> set[Place]:
        """Those of the places whose requests still run. Raises KeysAway."""
        ...

    def holds(self, place: Place, owner: str) -> bool:
        """Whether nobody can have taken the place from `owner`, who claimed it and did not settle it yet."""
        ...

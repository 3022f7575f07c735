"""What could not be written when it was known: answers, and claims to be given back.

It is tried again until it succeeds. The number is bounded; past the bound the oldest is given up: its place becomes an
orphan, which is never run again blindly.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Final, NamedTuple

from services.idempotency.table import KeysAway, KeyTable, Place
from services.lasting_tasks import lasting
from services.ports import Answer, Ending
from services.telemetry import get_logger

MOST_LATE: Final = 10_000
PAUSE_SECONDS: Final = 0.25
CLOSE_SECONDS: Final = 1.0

log = get_logger(__name__)


class LateAnswer(NamedTuple):
    """An answer that is not in the table yet."""

    fingerprint: str
    answer: Answer


class Late:
    """Writes to the table what it would not take at once. Its owner calls `close`, which tries a last time."""

    def __init__(self, table: KeyTable) -> None:
        self._table = table
        self._waiting: OrderedDict[tuple[Place, str], tuple[str, Ending]] = OrderedDict()
        self._answers: dict[Place, LateAnswer] = {}
        self._writing: asyncio.Task[None] | None = None

    def add(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        """Settles the place for `owner` as soon as that can be done."""
        if len(self._waiting) >= MOST_LATE:
            (oldest, _), _ = self._waiting.popitem(last=False)
            self._answers.pop(oldest, None)
            log.error("an idempotency key's answer was given up", waiting=len(self._waiting))
        self._waiting[place, owner] = (fingerprint, ending)
        if isinstance(ending, Answer):
            self._answers[place] = LateAnswer(fingerprint, ending)
        if self._writing is None or self._writing.done():
            self._writing = lasting(self._write, "idempotency-late")

    def answer(self, place: Place) -> LateAnswer | None:
        """The answer of a place whose table does not have it yet."""
        return self._answers.get(place)

    async def close(self) -> None:
        """Tries what is left once more, within a bound."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait((self._writing,))
        with suppress(KeysAway, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._settle_all()
        if self._waiting:
            log.warning("idempotency keys are left as orphans", count=len(self._waiting))

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(KeysAway):
                await self._settle_all()

    async def _settle_all(self) -> None:
        for (place, owner), (fingerprint, ending) in tuple(self._waiting.items()):
            try:
                await self._table.settle(place, fingerprint, owner, ending)
            except KeysAway:
                raise
            except Exception:
                if (place, owner) in self._waiting:
                    self._waiting.move_to_end((place, owner))  # the others come first next time
                raise
            self._waiting.pop((place, owner), None)
            if isinstance(ending, Answer):
                self._answers.pop(place, None)

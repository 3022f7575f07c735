"""Keys, whatever table they are kept in.

A key's life: free → running, held by the action that claimed it → answered, for a day, or free again when nothing was
sent. A holder whose process dies, or whose request ends unsettled, leaves an orphan: the next request with the key
takes it over and is told so. What it may then do is decided in `services.discord_service`; a place that was taken over
and not answered is an orphan again.

Three things keep this true when something breaks in between:

- An action holds its key in exactly one table, and the table alone says who holds it. This process only remembers its
  own holders, so that requests that wait for one of them are woken at once and ask nobody.
- A claim that was cancelled, or whose reply was lost, may have taken the key. It is given back (`late`), by its
  owner's name, so that giving back what was never taken or what another has does nothing.
- An answer that cannot be written is kept and written later; until then it is replayed from here.
"""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from services.errors import IdempotencyInProgress, IdempotencyMismatch
from services.idempotency.elsewhere import Elsewhere
from services.idempotency.late import Late
from services.idempotency.table import MISMATCH, RETRY_SOON_SECONDS, KeysAway, KeyTable, Place
from services.ports import Begun, Clock, Ending, IdempotencyClaim, Replay, Unprotected


@dataclass(slots=True)
class _Holder:
    owner: str
    fingerprint: str
    is_done: asyncio.Event = field(default_factory=asyncio.Event)


class IdempotencyKeys:
    """Fulfils `services.ports.IdempotencyStore` over a table, for the length of an `async with`."""

    def __init__(self, table: KeyTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._holders: dict[Place, _Holder] = {}
        self._elsewhere = Elsewhere(table)
        self._late = Late(table)

    async def __aenter__(self) -> Self:
        await self._table.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._elsewhere.close()
        await self._late.close()
        await self._table.close()

    async def begin(self, claim: IdempotencyClaim, action_id: str, deadline: float) -> Begun:
        place = Place.of(claim)
        while True:
            if (holder := self._holders.get(place)) is not None:
                _check_same(holder.fingerprint, claim)
                await self._wait(holder.is_done, deadline)
            elif (late := self._late.answer(place)) is not None:
                _check_same(late.fingerprint, claim)
                return Replay(late.answer)
            elif (begun := await self._claim(place, claim, action_id)) is not None:
                return begun
            else:
                async with self._elsewhere.waiting(place) as may_be_done:
                    await self._wait(may_be_done, deadline)

    def holds(self, claim: IdempotencyClaim, action_id: str) -> bool:
        place = Place.of(claim)
        holder = self._holders.get(place)
        return holder is not None and holder.owner == action_id and self._table.holds(place, action_id)

    async def finish(self, claim: IdempotencyClaim, action_id: str, ending: Ending) -> None:
        place = Place.of(claim)
        try:
            await self._table.settle(place, claim.fingerprint, action_id, ending)
        except KeysAway:
            self._late.add(place, claim.fingerprint, action_id, ending)
        except asyncio.CancelledError:
            self._late.add(place, claim.fingerprint, action_id, ending)
            raise
        finally:
            self._let_go(place, action_id)

    async def _claim(self, place: Place, claim: IdempotencyClaim, action_id: str) -> Begun | None:
        """What the table says; None when the request runs in another process."""
        try:
            claimed = await self._table.claim(place, claim.fingerprint, action_id)
        except asyncio.CancelledError:
            self._late.add(place, claim.fingerprint, action_id, None)
            raise
        except KeysAway as exc:
            if exc.may_have_claimed:
                self._late.add(place, claim.fingerprint, action_id, None)
            return Unprotected(exc.reason)
        if claimed is not None and not isinstance(claimed, Replay):
            self._holders[place] = _Holder(action_id, claim.fingerprint)
        return claimed

    def _let_go(self, place: Place, action_id: str) -> None:
        holder = self._holders.get(place)
        if holder is not None and holder.owner == action_id:
            del self._holders[place]
            holder.is_done.set()

    async def _wait(self, event: asyncio.Event, deadline: float) -> None:
        try:
            async with asyncio.timeout(max(deadline - self._clock.monotonic(), 0)):
                await event.wait()
        except TimeoutError:
            raise IdempotencyInProgress(retry_after_seconds=RETRY_SOON_SECONDS) from None


def _check_same(fingerprint: str, claim: IdempotencyClaim) -> None:
    if fingerprint != claim.fingerprint:
        raise IdempotencyMismatch(MISMATCH)

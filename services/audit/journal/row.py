"""A finished row on its way into the table, and who wants to know when it is there."""

import asyncio
from typing import NamedTuple, Protocol


class Origin(Protocol):
    """Where a row is kept until the table has it."""

    def settled(self, end: int) -> None:
        """The row that ends at `end` is in the table, or was set aside for good."""
        ...


class Row(NamedTuple):
    """A row as JSON by column. `origin` is None when it is in memory only; `ended_at` is on the monotonic clock."""

    json: bytes
    ended_at: float
    origin: Origin | None = None
    start: int = 0
    end: int = 0


class Lot:
    """Fulfils `Origin` for rows that were brought in together and are kept elsewhere until all of them settled."""

    def __init__(self) -> None:
        self._unsettled_count = 0
        self._is_settled = asyncio.Event()
        self._is_settled.set()

    def holding(self, json: bytes, now: float) -> Row:
        """A row of this lot."""
        self._unsettled_count += 1
        self._is_settled.clear()
        return Row(json, now, self)

    def settled(self, end: int) -> None:
        self._unsettled_count -= 1
        if not self._unsettled_count:
            self._is_settled.set()

    async def settled_all(self) -> None:
        """Waits until every row has settled."""
        await self._is_settled.wait()

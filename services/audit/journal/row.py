"""A finished row on its way into the table, and who wants to know when it is there."""

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

"""A limiter without limits that keeps a list of what became of its permits."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.discord.rate_limit.port import Lane, Observation, Permit
from services.errors import ActionError
from services.ports import Priority

DROPPED = "dropped"
DEPARTED = "departed"


@dataclass(slots=True)
class ListedPermit:
    """Writes down what it was told."""

    fates: list[Observation | str | None]
    steps: list[str]

    def depart(self) -> None:
        self.steps.append(DEPARTED)

    def complete(self, seen: Observation | None) -> None:
        self.fates.append(seen)

    def drop(self) -> None:
        self.fates.append(DROPPED)


@dataclass(slots=True)
class OpenLimiter:
    """Lets everything through; `refusals` are raised first, and `is_open` can be cleared to make all wait."""

    fates: list[Observation | str | None] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    refusals: list[ActionError | None] = field(default_factory=list)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.is_open.set()

    async def acquire(self, lane: Lane, *, priority: Priority, deadline: float, client_id: str) -> Permit:
        self.lanes.append(lane)
        self.deadlines.append(deadline)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
        self.waiting += 1
        try:
            await self.is_open.wait()
        finally:
            self.waiting -= 1
        return ListedPermit(self.fates, self.steps)

    def check(self, lane: Lane, *, priority: Priority, deadline: float) -> None:
        return

    def describe(self) -> Mapping[str, object]:
        return {}

    @property
    def statuses(self) -> list[int | str | None]:
        """What each permit was told, observations by their status alone."""
        return [fate.status if isinstance(fate, Observation) else fate for fate in self.fates]

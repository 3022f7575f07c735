"""Time for something that is done in steps: one deadline, handed to every step.

    budget = Budget.of(20)
    await finish(budget.less(5))  # what is kept is for the steps after this one
    await write_the_rest(budget)

A bound for each step would add up to more than anybody has. A step that needs less leaves its rest to those after it,
and `cut` shortens the waits of all of them, wherever they stand.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(slots=True)
class _End:
    """When the whole ends, on the loop's clock, and who waits: each with what is kept for the steps after it."""

    at: float
    waits: dict[asyncio.Timeout, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left until a deadline. Made and used on the event loop."""

    _end: _End
    _kept_seconds: float = 0.0

    @classmethod
    def of(cls, seconds: float) -> Self:
        """So much from now on."""
        return cls(_End(_now() + seconds))

    def less(self, seconds: float) -> "Budget":
        """The same budget without the last seconds of it; `cut` shortens both."""
        return Budget(self._end, self._kept_seconds + seconds)

    @property
    def left_seconds(self) -> float:
        """What is left; 0 when it is used up."""
        return max(self._end.at - self._kept_seconds - _now(), 0.0)

    def cut(self, seconds: float) -> None:
        """Leaves the whole no more than this; waits that are under way end accordingly."""
        self._end.at = min(self._end.at, _now() + seconds)
        for wait, kept_seconds in self._end.waits.items():
            if not wait.expired():
                wait.reschedule(self._end.at - kept_seconds)

    @asynccontextmanager
    async def within(self) -> AsyncIterator[None]:
        """Cancels what is inside when the budget is used up. Raises TimeoutError."""
        async with asyncio.timeout_at(self._end.at - self._kept_seconds) as wait:
            self._end.waits[wait] = self._kept_seconds
            try:
                yield
            finally:
                del self._end.waits[wait]

    async def wait(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        """Waits for all of the tasks, as long as there is time; cancels none."""
        with suppress(TimeoutError):
            async with self.within():
                while pending := [task for task in tasks if not task.done()]:
                    await asyncio.wait(pending)

    async def run_out(self) -> None:
        """Waits until it is used up."""
        with suppress(TimeoutError):
            async with self.within():
                await asyncio.Event().wait()


def _now() -> float:
    return asyncio.get_running_loop().time()

"""Who waits, in which order, and until when.

A waiter stands in the line of its bucket. Lines are ordered by priority, and by arrival within it. Leaving early costs
nothing: the waiter is marked and skipped later, and a line that is mostly marks is rebuilt.
"""

import asyncio
import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.ports import Priority

if TYPE_CHECKING:
    from services.discord.rate_limit.bucket import Bucket
    from services.discord.rate_limit.permit import BucketPermit, Completions

REBUILD_AT = 64


class Waiter:
    """One request that waits for its permit. `since` and `deadline` in monotonic seconds."""

    __slots__ = (
        "bucket",
        "client_id",
        "completions",
        "deadline",
        "future",
        "is_asked_for",
        "is_waiting",
        "permit",
        "priority",
        "seq",
        "since",
    )

    def __init__(
        self,
        bucket: "Bucket",
        priority: Priority,
        seq: int,
        *,
        since: float,
        deadline: float,
        client_id: str,
        completions: "Completions",
    ) -> None:
        self.bucket = bucket
        self.priority = priority
        self.seq = seq
        self.since = since
        self.deadline = deadline
        self.client_id = client_id
        self.completions = completions
        self.future: asyncio.Future[BucketPermit] = asyncio.get_running_loop().create_future()
        self.permit: BucketPermit | None = None
        self.is_waiting = True
        self.is_asked_for = False

    def __lt__(self, other: "Waiter") -> bool:
        return (self.priority, self.seq) < (other.priority, other.seq)


class Line:
    """Waiters by priority, first come first served within. Those who left are skipped."""

    __slots__ = ("_heap", "_waiting")

    def __init__(self) -> None:
        self._heap: list[Waiter] = []
        self._waiting = [0] * len(Priority)

    def __len__(self) -> int:
        return sum(self._waiting)

    def __iter__(self) -> Iterator[Waiter]:
        return (waiter for waiter in sorted(self._heap) if waiter.is_waiting)

    def push(self, waiter: Waiter) -> None:
        heapq.heappush(self._heap, waiter)
        self._waiting[waiter.priority] += 1

    def first(self) -> Waiter | None:
        while self._heap and not self._heap[0].is_waiting:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def pop(self) -> Waiter | None:
        """Takes the first one out of the line; it still waits."""
        waiter = self.first()
        if waiter is not None:
            heapq.heappop(self._heap)
            self._waiting[waiter.priority] -= 1
        return waiter

    def take_out(self, waiter: Waiter) -> None:
        """A waiter steps out of the line and still waits; nearly always the first."""
        if self.first() is waiter:
            self.pop()
            return
        self._heap.remove(waiter)
        heapq.heapify(self._heap)
        self._waiting[waiter.priority] -= 1

    def left(self, waiter: Waiter) -> None:
        """A waiter of this line waits no longer."""
        self._waiting[waiter.priority] -= 1
        if len(self._heap) > REBUILD_AT and len(self._heap) > 2 * len(self):
            self._heap = [other for other in self._heap if other.is_waiting]
            heapq.heapify(self._heap)

    def ahead_of(self, priority: Priority) -> int:
        """How many go before a newcomer of that priority."""
        return sum(self._waiting[: priority + 1])


class Deadlines:
    """Every waiter by its deadline."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Waiter]] = []
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def __iter__(self) -> Iterator[Waiter]:
        return (waiter for _, _, waiter in self._heap if waiter.is_waiting)

    def push(self, waiter: Waiter) -> None:
        heapq.heappush(self._heap, (waiter.deadline, waiter.seq, waiter))
        self._waiting += 1

    def left(self) -> None:
        """One of the waiters waits no longer."""
        self._waiting -= 1
        if len(self._heap) > REBUILD_AT and len(self._heap) > 2 * self._waiting:
            self._heap = [entry for entry in self._heap if entry[2].is_waiting]
            heapq.heapify(self._heap)

    def next_at(self) -> float | None:
        while self._heap and not self._heap[0][2].is_waiting:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def before(self, when: float) -> list[Waiter]:
        """Those whose deadline is before `when`, earliest first."""
        return [waiter for deadline, _, waiter in sorted(self._heap) if deadline < when and waiter.is_waiting]

    def due(self, now: float) -> list[Waiter]:
        """Those whose deadline has come; they leave the heap but still wait."""
        found = []
        while self._heap and (self._heap[0][0] <= now or not self._heap[0][2].is_waiting):
            waiter = heapq.heappop(self._heap)[2]
            if waiter.is_waiting:
                found.append(waiter)
        return found

"""The files of the journal as one place to append to.

A record goes to the newest segment of the `Chain` at once. What waits for the disk is done behind the event loop, in
rounds of the `Upkeep`, and what goes wrong there or here is in the `Condition`.

A full disk shows when room is wanted: what is allocated already can still be written. After a failed write or sync
nothing new may begin until a new segment was allocated, which is tried again every MEND_SECONDS. A disk that hangs
would hold the event loop up at the next write, so a round that takes longer than STALL_SECONDS is trouble too.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.audit.journal.chain import Chain
from services.audit.journal.condition import CLOSED, FULL, OPENING, Condition
from services.audit.journal.disk import Disk
from services.audit.journal.home import Home
from services.audit.journal.segment import Segment
from services.audit.journal.upkeep import Upkeep
from services.budget import Budget
from services.disk_thread import DiskThread
from services.lasting_tasks import lasting

SYNC_SECONDS: Final = 0.05
STALL_SECONDS: Final = 5.0
MEND_SECONDS: Final = 0.5


class Store:
    """Its owner calls `start` and `close`; nothing else waits. `most_bytes` bounds what stands under `root`."""

    def __init__(self, root: Path, *, most_bytes: int, segment_bytes: int, disk: Disk) -> None:
        self.root = root
        self.most_bytes = most_bytes
        self.adopted_bytes = 0
        self.on_lost: Callable[[], None] = lambda: None
        self._disk = disk
        self._home = Home(root)
        self._chain = Chain(self._home, segment_bytes, disk)
        self._has_work = asyncio.Event()
        self._condition = Condition(root, self._has_work.set)
        self._round_began = 0.0
        self._task: asyncio.Task[None] | None = None

    # ── writing ──

    def append(self, record: bytes) -> tuple[Segment, int]:
        """Writes a record: its segment, and where it begins. Raises OSError, and then it is not there."""
        chain = self._chain
        if not chain.written:
            raise OSError(self._condition.problem)
        segment = chain.written[-1]
        if segment.room_bytes < len(record) and segment.end:
            if not chain.spares:
                self._grow()
            segment = chain.go_on()
        try:
            start = segment.append(record)
        except OSError as exc:
            self._condition.note_problem(exc)
            raise
        self._has_work.set()
        return segment, start

    def lacks_room(self, wanted_bytes: int) -> str:
        """Allocates what is missing of so much room; why that is not possible, empty when it is there."""
        if trouble := self.trouble:
            return trouble
        while self._chain.room_bytes < wanted_bytes:
            if not self._may_grow():
                return FULL
            if self._condition.shortage:
                return self._condition.shortage
            with suppress(OSError):
                self._grow()
        return ""

    def reclaim(self) -> None:
        """Notes how far the table has the rows, and lets go of the oldest segments when nothing needs them."""
        if (position := self._chain.settled_to) is not None:
            self._home.move_mark(position)
        self._chain.let_go()
        if self._chain.unneeded:
            self._has_work.set()

    def note_damage(self, segment: Segment) -> None:
        """Keeps the segment on disk, and with it the directory, for whoever replays it."""
        self._chain.note_damage(segment)

    def _grow(self) -> None:
        """Allocates a segment here and now. Raises OSError, and then the shortage is noted."""
        try:
            self._chain.spares.append(self._chain.allocation()())
        except OSError as exc:
            self._condition.note_shortage(exc)
            raise

    def _may_grow(self) -> bool:
        return self.size_bytes + self._chain.segment_bytes <= self.most_bytes

    # ── how it is ──

    @property
    def segments(self) -> deque[Segment]:
        """Those with records, oldest first; the last one is written."""
        return self._chain.written

    @property
    def size_bytes(self) -> int:
        """What stands on disk, adopted directories included."""
        return self._chain.size_bytes + self.adopted_bytes

    @property
    def trouble(self) -> str:
        """Why nothing new may be written now; empty when it may."""
        if self._task is not None and self._task.done():
            return "the journal's task has ended"
        problem = self._condition.problem
        if not problem and self._round_began and time.monotonic() - self._round_began > STALL_SECONDS:
            return "the disk hangs"
        return problem

    @property
    def detail(self) -> str:
        """The trouble, or what is about to become one."""
        return self.trouble or self._condition.shortage

    # ── life ──

    async def start(self) -> None:
        """Makes the directory and the first segment; where that fails it is tried again in the background."""
        self.thread = DiskThread("audit-journal")
        self._upkeep = Upkeep(
            self._chain,
            self._home,
            self._disk,
            self._condition,
            self.thread,
            may_grow=self._may_grow,
            on_lost=self.on_lost,
        )
        self._condition.problem = OPENING
        with suppress(TimeoutError):
            async with asyncio.timeout(STALL_SECONDS):
                await self._round()
        self._task = lasting(self._keep, "audit-journal")

    async def close(self, budget: Budget) -> None:
        """Syncs what there is and lets go of the directory; removes it when nothing in it is needed."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._task = None
        self._condition.problem = CLOSED
        is_done, written = not self._chain.is_needed, tuple(self._chain.written)[-1:]
        self._chain.written.clear()  # what comes now finds no file that could be another's by then
        with suppress(TimeoutError):
            async with budget.within():
                await self._upkeep.leave(written, is_done=is_done)
        await self.thread.close(budget)

    async def _keep(self) -> None:
        while True:
            if self.detail:
                await asyncio.sleep(MEND_SECONDS)
            else:
                await asyncio.sleep(SYNC_SECONDS)
                await self._has_work.wait()
            self._has_work.clear()
            await self._round()

    async def _round(self) -> None:
        self._round_began = time.monotonic()
        try:
            await self._upkeep.round()
        except Exception as exc:
            self._condition.note_problem(OSError(f"its upkeep broke: {exc!r}"))
            raise
        finally:
            self._round_began = 0.0

"""The segments one process writes, as one place to append to; they are synced, allocated and deleted behind the loop.

A new segment is ready before the present one is full. Its number is its place in the order of writing, so one that came
too late to be the next is thrown away.

A full disk shows when room is wanted: what is allocated already can still be written. After a failed write or sync
nothing new may begin until a new segment was allocated, which is tried again every MEND_SECONDS. A disk that hangs
would hold the event loop up at the next write, so a round that takes longer than STALL_SECONDS is trouble too.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from services.audit.journal.disk import Disk, reason_of
from services.audit.journal.home import Home
from services.audit.journal.mark import Position
from services.audit.journal.segment import Segment
from services.budget import Budget
from services.disk_thread import DiskThread
from services.telemetry import get_logger

SYNC_SECONDS: Final = 0.05
STALL_SECONDS: Final = 5.0
MEND_SECONDS: Final = 0.5
FULL: Final = "the journal is full: rows have to reach the database first"
CLOSED: Final = "the journal is closed"
OPENING: Final = "the journal is being opened"

log = get_logger(__name__)


class Store:
    """Segments, oldest first; the last one is written. Its owner calls `start` and `close`; nothing else waits."""

    def __init__(self, root: Path, *, most_bytes: int, segment_bytes: int, disk: Disk) -> None:
        self.root = root
        self.segments: deque[Segment] = deque()
        self.adopted_bytes = 0
        self.on_lost: Callable[[], None] = lambda: None
        self.most_bytes = most_bytes
        self._segment_bytes = segment_bytes
        self._disk = disk
        self._home = Home(root)
        self._spares: deque[Segment] = deque()
        self._full: deque[Segment] = deque()
        self._unneeded: deque[Segment] = deque()
        self._has_damage = False
        self._last_number = 0
        self._synced = (0, 0)
        self._problem = CLOSED
        self._shortage = ""
        self._round_began = 0.0
        self._has_work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # ── writing ──

    def append(self, record: bytes) -> tuple[Segment, int]:
        """Writes a record: its segment, and where it begins. Raises OSError, and then it is not there."""
        if not self.segments:
            raise OSError(self._problem)
        segment = self.segments[-1]
        if segment.room_bytes < len(record) and segment.end:
            segment = self._next()
        try:
            start = segment.append(record)
        except OSError as exc:
            self._note_problem(exc)
            raise
        self._has_work.set()
        return segment, start

    def lacks_room(self, wanted_bytes: int) -> str:
        """Allocates what is missing of so much room; why that is not possible, empty when it is there."""
        if trouble := self.trouble:
            return trouble
        while self.room_bytes < wanted_bytes:
            if not self._may_grow:
                return FULL
            if self._shortage:
                return self._shortage
            try:
                self._spares.append(self._allocated(self._take_number()))
            except OSError as exc:
                self._note_shortage(exc)
        return ""

    def reclaim(self) -> None:
        """Notes how far the table has the rows, and lets go of the oldest segments when nothing needs them."""
        self._move_mark()
        while len(self.segments) > 1 and (self.segments[0].is_damaged or not self.segments[0].is_needed):
            segment = self.segments.popleft()
            if not segment.is_damaged:
                self._unneeded.append(segment)
        if self._unneeded:
            self._has_work.set()

    def note_damage(self, segment: Segment) -> None:
        """Keeps the segment on disk, and with it the directory, for whoever replays it."""
        segment.is_damaged = self._has_damage = True

    @property
    def room_bytes(self) -> int:
        """Allocated and not written."""
        written = self.segments[-1].room_bytes if self.segments else 0
        return written + len(self._spares) * self._segment_bytes

    @property
    def size_bytes(self) -> int:
        """What stands on disk, adopted directories included."""
        own = sum(segment.allocated_bytes for each in (self.segments, self._spares, self._unneeded) for segment in each)
        return own + self.adopted_bytes

    @property
    def trouble(self) -> str:
        """Why nothing new may be written now; empty when it may."""
        if self._task is not None and self._task.done():
            return "the journal's task has ended"
        if not self._problem and self._round_began and time.monotonic() - self._round_began > STALL_SECONDS:
            return "the disk hangs"
        return self._problem

    @property
    def detail(self) -> str:
        """The trouble, or what is about to become one."""
        return self.trouble or self._shortage

    @property
    def is_idle(self) -> bool:
        """Whether nothing on disk is needed any more."""
        return not self._has_damage and not any(segment.is_needed for segment in self.segments)

    # ── life ──

    async def start(self) -> None:
        """Makes the directory and the first segment; where that fails it is tried again in the background."""
        self.thread = DiskThread("audit-journal")
        self._problem = OPENING
        with suppress(TimeoutError):
            async with asyncio.timeout(STALL_SECONDS):
                await self._round()
        self._task = asyncio.create_task(self._keep(), name="audit-journal")

    async def close(self, budget: Budget) -> None:
        """Syncs what there is and lets go of the directory; removes it when nothing in it is needed."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._task = None
        self._problem = CLOSED
        is_done, written = self.is_idle, tuple(self.segments)[-1:]
        self.segments.clear()  # what comes now finds no file that could be another's by then
        with suppress(TimeoutError):
            async with budget.within():
                await self.thread.run(partial(self._let_go, written, is_done=is_done))
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
        """Does what waits for the disk."""
        self._round_began = time.monotonic()
        try:
            if self._problem:
                await self._mend()
            await self._seal_full()
            await self._sync()
            await self._delete_unneeded()
        except OSError as exc:
            self._note_problem(exc)
        else:
            await self._make_spare()
        finally:
            self._round_began = 0.0

    async def _mend(self) -> None:
        """Begins a new segment, in a new directory where the old one is gone. Raises OSError."""
        is_new = await self.thread.run(self._home.move_in)
        segment = await self._made()
        if segment is None:
            return
        if is_new:
            self._full.extend(self._spares)
            self._spares.clear()
        self._full.extend(tuple(self.segments)[-1:])
        self.segments.append(segment)
        if self._problem not in {CLOSED, OPENING}:
            log.info("the journal is written again")
        self._problem = ""
        if is_new and len(self.segments) > 1:
            self.on_lost()

    async def _seal_full(self) -> None:
        while self._full:
            segment = self._full.popleft()
            try:
                await self.thread.run(partial(self._disk.seal, segment.descriptor, segment.end))
            except OSError as exc:
                log.warning("a segment was not synced", path=str(segment.path), reason=reason_of(exc))
            segment.allocated_bytes = segment.end

    async def _sync(self) -> None:
        segment = self.segments[-1]
        if (now := (segment.number, segment.end)) != self._synced:
            await self.thread.run(partial(self._disk.sync, segment.descriptor))
            self._synced = now

    async def _delete_unneeded(self) -> None:
        while self._unneeded:
            await self.thread.run(partial(self._unneeded[0].path.unlink, missing_ok=True))
            self._unneeded.popleft()

    async def _make_spare(self) -> None:
        if not self._may_grow:
            self._shortage = ""
        elif self._shortage or not self._spares:
            try:
                segment = await self._made()
            except OSError as exc:
                self._note_shortage(exc)
                return
            self._shortage = ""
            if segment is not None:
                self._spares = deque(sorted((*self._spares, segment), key=lambda spare: spare.number))

    async def _made(self) -> Segment | None:
        """A new segment, or None when a later one is written by the time it is there. Raises OSError."""
        segment = await self.thread.run(partial(self._allocated, self._take_number()))
        if self.segments and self.segments[-1].number > segment.number:
            self._full.append(segment)
            self._unneeded.append(segment)
            return None
        return segment

    def _next(self) -> Segment:
        """Goes on in a new segment. Raises OSError when there is none."""
        if not self._spares:
            try:
                self._spares.append(self._allocated(self._take_number()))
            except OSError as exc:
                self._note_shortage(exc)
                raise
        self._full.append(self.segments[-1])
        self.segments.append(self._spares.popleft())
        return self.segments[-1]

    @property
    def _may_grow(self) -> bool:
        return self.size_bytes + self._segment_bytes <= self.most_bytes

    def _take_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _allocated(self, number: int) -> Segment:
        return Segment.allocate(self._home.path, number, self._segment_bytes, self._disk)

    def _note_problem(self, exc: OSError) -> None:
        if self._problem in {"", CLOSED, OPENING}:
            log.error("the journal cannot be written", path=str(self.root), reason=reason_of(exc))
        self._problem = f"the journal cannot be written: {reason_of(exc)}"
        self._has_work.set()

    def _note_shortage(self, exc: OSError) -> None:
        if not self._shortage:
            log.warning("the journal has no room to grow", path=str(self.root), reason=reason_of(exc))
        self._shortage = f"the journal has no room to grow: {reason_of(exc)}"
        self._has_work.set()

    def _move_mark(self) -> None:
        if self._has_damage:
            return  # the table may lack rows from before
        newest = next((each for each in reversed(self.segments) if each.settled_to), None)
        if newest is not None:
            self._home.move_mark(Position(newest.number, newest.settled_to))

    # ── on the thread ──

    def _let_go(self, written: Sequence[Segment], *, is_done: bool) -> None:
        for segment in (*self._full, *self._spares, *written):
            with suppress(OSError):  # at the end there is nobody left to tell, and the bytes are with the kernel
                self._disk.seal(segment.descriptor, segment.end)
        for segment in (*self._unneeded, *self._spares):
            segment.path.unlink(missing_ok=True)
        self._home.leave(is_done=is_done)

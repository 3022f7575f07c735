"""What the journal has to wait for, done behind the event loop: begin, sync, close, delete and allocate segments.

A round does all that has come up, in this order. After a failed write or sync a round begins a new segment first, in a
new directory should the old one be gone, and as long as that fails nothing else is done.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from services.audit.journal.chain import Chain
from services.audit.journal.condition import Condition
from services.audit.journal.disk import Disk, reason_of
from services.audit.journal.home import Home
from services.audit.journal.segment import Segment
from services.disk_thread import DiskThread
from services.telemetry import get_logger

log = get_logger(__name__)


class Upkeep:
    """Of one chain in one directory. `on_lost` is called when that was made anew: what is open is on no disk then."""

    def __init__(
        self,
        chain: Chain,
        home: Home,
        disk: Disk,
        condition: Condition,
        thread: DiskThread,
        *,
        may_grow: Callable[[], bool],
        on_lost: Callable[[], None],
    ) -> None:
        self._chain = chain
        self._home = home
        self._disk = disk
        self._condition = condition
        self._thread = thread
        self._may_grow = may_grow
        self._on_lost = on_lost
        self._synced = (0, 0)

    async def round(self) -> None:
        """Does what has come up, and notes in the condition what cannot be done."""
        try:
            if self._condition.problem:
                await self._mend()
            await self._seal_full()
            await self._sync()
            await self._delete_unneeded()
        except OSError as exc:
            self._condition.note_problem(exc)
        else:
            await self._make_spare()

    async def leave(self, written: Sequence[Segment], *, is_done: bool) -> None:
        """Syncs and closes what there is, `written` too, and leaves the directory, or removes it when `is_done`."""
        await self._thread.run(partial(self._left, written, is_done=is_done))

    async def _mend(self) -> None:
        """Begins a new segment. Raises OSError."""
        is_new = await self._thread.run(self._home.move_in)
        segment = await self._made()
        if segment is None:
            return
        if is_new:
            self._chain.give_up_spares()
        self._chain.go_on_in(segment)
        self._condition.note_mended()
        if is_new and len(self._chain.written) > 1:
            self._on_lost()

    async def _seal_full(self) -> None:
        while self._chain.full:
            segment = self._chain.full.popleft()
            try:
                await self._thread.run(partial(self._disk.seal, segment.descriptor, segment.end))
            except OSError as exc:
                log.warning("a segment was not synced", path=str(segment.path), reason=reason_of(exc))
            segment.allocated_bytes = segment.end

    async def _sync(self) -> None:
        segment = self._chain.written[-1]
        if (now := (segment.number, segment.end)) != self._synced:
            await self._thread.run(partial(self._disk.sync, segment.descriptor))
            self._synced = now

    async def _delete_unneeded(self) -> None:
        unneeded = self._chain.unneeded
        while unneeded:
            await self._thread.run(partial(unneeded[0].path.unlink, missing_ok=True))
            unneeded.popleft()

    async def _make_spare(self) -> None:
        condition = self._condition
        if not self._may_grow():
            condition.shortage = ""
        elif condition.shortage or not self._chain.spares:
            try:
                segment = await self._made()
            except OSError as exc:
                condition.note_shortage(exc)
                return
            condition.shortage = ""
            if segment is not None:
                self._chain.put_aside(segment)

    async def _made(self) -> Segment | None:
        """A new segment, or None when a later one is written by the time it is there. Raises OSError."""
        segment = await self._thread.run(self._chain.allocation())
        if self._chain.is_late(segment):
            self._chain.throw_away(segment)
            return None
        return segment

    # ── on the thread ──

    def _left(self, written: Sequence[Segment], *, is_done: bool) -> None:
        chain = self._chain
        for segment in (*chain.full, *chain.spares, *written):
            with suppress(OSError):  # at the end there is nobody left to tell, and the bytes are with the kernel
                self._disk.seal(segment.descriptor, segment.end)
        for segment in (*chain.unneeded, *chain.spares):
            segment.path.unlink(missing_ok=True)
        self._home.leave(is_done=is_done)

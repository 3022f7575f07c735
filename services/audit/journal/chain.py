"""The segments one process writes, in the order of writing. Nothing here waits, and no file is touched but to append.

    spare     ahead of the one that is written: ready before that one is full
    written   from the oldest record that somebody needs to the newest; the last one is appended to
    full      takes no more, and is still to be synced and closed
    unneeded  the table has all of it; still to be deleted

A segment's number is its place, and is taken before the file is made: one that came too late to be the next is thrown
away.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

from services.audit.journal.disk import Disk
from services.audit.journal.home import Home
from services.audit.journal.mark import Position
from services.audit.journal.segment import Segment


class Chain:
    """Every segment there is, by what is to become of it. Its owner empties `full` and `unneeded`."""

    def __init__(self, home: Home, segment_bytes: int, disk: Disk) -> None:
        self.segment_bytes = segment_bytes
        self.written: deque[Segment] = deque()
        self.spares: deque[Segment] = deque()
        self.full: deque[Segment] = deque()
        self.unneeded: deque[Segment] = deque()
        self._home = home
        self._disk = disk
        self._last_number = 0
        self._has_damage = False

    @property
    def room_bytes(self) -> int:
        """Allocated and not written."""
        written = self.written[-1].room_bytes if self.written else 0
        return written + len(self.spares) * self.segment_bytes

    @property
    def size_bytes(self) -> int:
        """What stands on disk."""
        return sum(segment.allocated_bytes for each in (self.written, self.spares, self.unneeded) for segment in each)

    @property
    def is_needed(self) -> bool:
        """Whether anybody needs what is on disk."""
        return self._has_damage or any(segment.is_needed for segment in self.written)

    @property
    def settled_to(self) -> Position | None:
        """How far the table has the rows; None while that is nowhere, or while it may lack some from before."""
        newest = next((each for each in reversed(self.written) if each.settled_to), None)
        return None if newest is None or self._has_damage else Position(newest.number, newest.settled_to)

    def allocation(self) -> Callable[[], Segment]:
        """The call that makes the file of the next number, on any thread. It raises OSError."""
        self._last_number += 1
        return partial(self._allocated, self._last_number)

    def is_late(self, segment: Segment) -> bool:
        """Whether a later one is written by now."""
        return bool(self.written) and self.written[-1].number > segment.number

    def put_aside(self, segment: Segment) -> None:
        """Keeps a spare for later."""
        self.spares = deque(sorted((*self.spares, segment), key=lambda spare: spare.number))

    def give_up_spares(self) -> None:
        """To be called when their directory is gone: they take no records any more."""
        self.full.extend(self.spares)
        self.spares.clear()

    def throw_away(self, segment: Segment) -> None:
        """Lets a segment go that has no records."""
        self.full.append(segment)
        self.unneeded.append(segment)

    def go_on(self) -> Segment:
        """Goes on in the oldest spare. There is one."""
        return self.go_on_in(self.spares.popleft())

    def go_on_in(self, segment: Segment) -> Segment:
        """Goes on in this segment."""
        self.full.extend(tuple(self.written)[-1:])
        self.written.append(segment)
        return segment

    def note_damage(self, segment: Segment) -> None:
        """Keeps the segment on disk for whoever replays it."""
        segment.is_damaged = self._has_damage = True

    def let_go(self) -> None:
        """Moves the oldest segments that nobody needs to those to be deleted; a damaged one stays on disk."""
        while len(self.written) > 1 and (self.written[0].is_damaged or not self.written[0].is_needed):
            segment = self.written.popleft()
            if not segment.is_damaged:
                self.unneeded.append(segment)

    def _allocated(self, number: int) -> Segment:
        return Segment.allocate(self._home.path, number, self.segment_bytes, self._disk)

"""Finished rows that memory did not take, read back from the segments in the order they were written."""

import asyncio
from functools import partial
from pathlib import Path
from typing import NamedTuple

from services.audit.journal.disk import reason_of
from services.audit.journal.frames import OUTCOME, Damage, Record, records
from services.audit.journal.row import Row
from services.audit.journal.segment import Segment
from services.audit.journal.store import Store
from services.telemetry import get_logger

log = get_logger(__name__)


class _Read(NamedTuple):
    rows: list[Record]
    end: int
    damages: int


class Backlog:
    """From the first row that memory did not take on, every row comes this way until there is none left."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._segment: Segment | None = None
        self._offset = 0
        self.count = 0
        self.since = 0.0
        self.damages = 0
        self.has_rows = asyncio.Event()

    def add(self, row: Row) -> None:
        """Remembers that there is a row on disk, but not the row. It has an origin."""
        if not self.count:
            assert isinstance(row.origin, Segment)  # noqa: S101 -- rows that are in memory only never come here
            self._segment, self._offset, self.since = row.origin, row.start, row.ended_at
            self.has_rows.set()
        self.count += 1

    async def take(self, most: int) -> list[Row]:
        """The oldest rows; fewer than `most`, even none, at the end of a segment. `count` tells the end of all."""
        segment = self._segment
        if segment is None:
            return []
        try:
            read = await self._store.thread.run(partial(_read, segment.path, self._offset, segment.end, most))
        except OSError as exc:
            self._give_up(segment, reason_of(exc))
            return []
        self._offset = read.end
        if read.damages:
            self.damages += read.damages
            self._store.note_damage(segment)
            log.error("the journal is damaged", path=str(segment.path), places=read.damages)
        self.count -= len(read.rows)
        self._go_on(segment)
        return [Row(row.payload, self.since, segment, row.start, row.end) for row in read.rows]

    def _give_up(self, segment: Segment, reason: str) -> None:
        log.error("a segment of the journal cannot be read", path=str(segment.path), reason=reason)
        self.damages += 1
        self._store.note_damage(segment)
        self._offset = segment.end
        self._go_on(segment)

    def _go_on(self, segment: Segment) -> None:
        """Moves to the next segment at the end of one. At the end of all, what was not found is not there."""
        if self._offset >= segment.end:
            newer = (each for each in self._store.segments if each.number > segment.number)
            self._segment, self._offset = next(newer, None), 0
        if self._segment is None or not self.count:
            self._segment, self.count = None, 0
            self.has_rows.clear()


# ── on the thread ──


def _read(path: Path, start: int, stop: int, most: int) -> _Read:
    with path.open("rb") as file:
        file.seek(start)
        stored = file.read(stop - start)
    rows: list[Record] = []
    damages, end = 0, stop
    for found in records(stored):
        if isinstance(found, Damage):
            damages += 1
        elif found.kind == OUTCOME:
            rows.append(found._replace(start=start + found.start, end=start + found.end))
            if len(rows) == most:
                end = start + found.end
                break
    return _Read(rows, end, damages)

"""The journal of one process: what was accepted, tried and finished is on disk before anything depends on it.

An action is refused where it cannot be put on disk. With its intent, the room of its attempt and of its outcome is
promised out of what is allocated: the outcome of an action that was sent has its place even on a disk that is full by
then. An outcome much larger than promised may still find none; it is then in memory only, on its way to the table.

An outcome holds the whole row, so that a row needs no other record: segments can be read, shipped and lost one by
one. An action that stays open long is written again at the end, so that it cannot keep everything after it on disk.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from services.audit.columns import fitting
from services.audit.journal.disk import Disk
from services.audit.journal.frames import ATTEMPT, INTENT, OUTCOME, frame
from services.audit.journal.row import Row
from services.audit.journal.segment import Segment
from services.audit.journal.store import Store
from services.audit.rows import entry_half, joined, verdict_half
from services.budget import Budget
from services.errors import AuditUnavailable
from services.ports import AuditEntry, Verdict
from services.redaction import Redactor
from services.telemetry import get_logger

MIB: Final = 1024 * 1024
SEGMENT_BYTES: Final = 8 * MIB
MOST_BYTES: Final = 512 * MIB
RETRY_AFTER_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 5.0
PROMISED_BYTES: Final = 1024
"""For an attempt, a verdict and the heads of three records; the entry comes on top."""
SPARE_BYTES: Final = 8 * 1024
"""What is lost at the ends of segments, where a record did not fit any more."""
READY_BYTES: Final = 16 * 1024
"""What an action may need; where there is not so much room, others should be sent."""
SEGMENTS_BEHIND: Final = 2
"""An action that is open for longer than it takes to fill so many segments is written again."""

log = get_logger(__name__)


class JournalHealth(NamedTuple):
    """How the journal is. `detail` is why it cannot be written, or soon cannot; empty while all is well."""

    is_writable: bool
    detail: str
    size_bytes: int
    segments: int
    open_actions: int


@dataclass(slots=True)
class _Open:
    """An action that was begun and has no end yet; `intent` is its half of a row."""

    segment: Segment
    intent: bytes
    is_attempted: bool = False

    @property
    def promised_bytes(self) -> int:
        return len(self.intent) + PROMISED_BYTES


class Journal:
    """Its owner calls `start` and `close`. Everything else is instant."""

    def __init__(
        self,
        root: Path,
        redactor: Redactor,
        *,
        most_bytes: int = MOST_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        disk: Disk | None = None,
    ) -> None:
        self.store = Store(root, most_bytes=most_bytes, segment_bytes=segment_bytes, disk=disk or Disk())
        self.store.on_lost = self._write_open_again
        self._redactor = redactor
        self._open: dict[str, _Open] = {}
        self._promised_bytes = 0

    async def start(self) -> None:
        """Opens it; where that is not possible, actions are refused until it is."""
        await self.store.start()

    async def close(self, budget: Budget | None = None) -> None:
        """Syncs and lets go. What the table does not have stays on disk for whoever adopts it."""
        await self.store.close(budget or Budget.of(CLOSE_SECONDS))

    def begin(self, entry: AuditEntry) -> None:
        """Writes the intent. Raises AuditUnavailable."""
        if entry.action_id in self._open:
            return
        intent = entry_half(entry, self._redactor)
        promised = len(intent) + PROMISED_BYTES
        record = frame(INTENT, intent)
        if reason := self.store.lacks_room(self._promised_bytes + promised + len(record) + SPARE_BYTES):
            raise _refusal(reason)
        segment = self._written(record)
        segment.open_count += 1
        self._open[entry.action_id] = _Open(segment, intent)
        self._promised_bytes += promised

    def attempt(self, entry: AuditEntry) -> None:
        """Writes that bytes are about to leave; once is enough. Raises AuditUnavailable."""
        opened = self._open.get(entry.action_id)
        if opened is None:
            raise _refusal("the action is not on the record")
        if not opened.is_attempted:
            self._written(_attempt(entry.action_id))
            opened.is_attempted = True

    def end(self, entry: AuditEntry, verdict: Verdict) -> Row:
        """Writes the outcome. Never raises: a row that found no room is in memory only."""
        opened = self._open.pop(entry.action_id, None)
        intent = entry_half(entry, self._redactor) if opened is None else opened.intent
        if opened is not None:
            opened.segment.open_count -= 1
            self._promised_bytes -= opened.promised_bytes
        row = joined(intent, verdict_half(verdict, self._redactor))
        ended_at = time.monotonic()
        try:
            segment, start = self.store.append(frame(OUTCOME, row))
        except OSError:
            return Row(row, ended_at)
        segment.unsettled_count += 1
        return Row(row, ended_at, segment, start, segment.end)

    def reclaim(self) -> None:
        """To be called when rows have settled: lets go of what the table has."""
        segments = self.store.segments
        if len(segments) > SEGMENTS_BEHIND and segments[0].open_count and not segments[0].unsettled_count:
            self._write_open_again(segments[0])
        self.store.reclaim()

    def health(self) -> JournalHealth:
        """How it is now."""
        reason = self.store.lacks_room(self._promised_bytes + READY_BYTES)
        return JournalHealth(
            is_writable=not reason,
            detail=reason or self.store.detail,
            size_bytes=self.store.size_bytes,
            segments=len(self.store.segments),
            open_actions=len(self._open),
        )

    def _written(self, record: bytes) -> Segment:
        try:
            return self.store.append(record)[0]
        except OSError:
            raise _refusal(self.store.detail) from None

    def _write_open_again(self, segment: Segment | None = None) -> None:
        """Writes again what is open, of one segment or of all."""
        for action_id, opened in self._open.items():
            if segment is not None and opened.segment is not segment:
                continue
            attempt = _attempt(action_id) if opened.is_attempted else b""
            try:
                written_to, _ = self.store.append(frame(INTENT, opened.intent) + attempt)
            except OSError:
                return
            opened.segment.open_count -= 1
            written_to.open_count += 1
            opened.segment = written_to


def _attempt(action_id: str) -> bytes:
    return frame(ATTEMPT, (fitting("action_id", action_id) or "").encode())


def _refusal(reason: str) -> AuditUnavailable:
    return AuditUnavailable(f"The record cannot be kept: {reason}.", retry_after_seconds=RETRY_AFTER_SECONDS)

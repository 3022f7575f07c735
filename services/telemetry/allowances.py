"""Bounds the lines that strangers cause: whoever tries tokens by the thousand must not fill the disk with failures.

Each event has an allowance: a burst, then so many lines a second. What is left out is counted, and the count is a line
of its own, at most one in `REPORT_SECONDS` and one when the log closes.
"""

import logging
from collections.abc import Iterator
from typing import Final

from services.telemetry.events import Event
from services.telemetry.losses import REPORT_SECONDS
from services.telemetry.render import Entry

BURST_LINES: Final = 50
LINES_PER_SECOND: Final = 5.0


class Allowance:
    """How many lines of one event may still be written. Times are those of the lines, in seconds."""

    def __init__(self, now: float) -> None:
        self.left_out = 0
        self._lines = float(BURST_LINES)
        self._refilled = self._reported = now

    def admits(self, now: float) -> bool:
        """Takes one line; counts it where there is none to take."""
        self._lines = min(self._lines + max(now - self._refilled, 0) * LINES_PER_SECOND, BURST_LINES)
        self._refilled = now
        if self._lines < 1:
            self.left_out += 1
            return False
        self._lines -= 1
        return True

    def report(self, now: float, *, is_last: bool) -> int:
        """Gives the count of what was left out since the last report, once it is time; else nothing."""
        if not self.left_out or not (is_last or abs(now - self._reported) >= REPORT_SECONDS):
            return 0
        count, self.left_out, self._reported = self.left_out, 0, now
        return count


class LineAllowances:
    """The allowances by event. Not for several threads."""

    def __init__(self) -> None:
        self._by_event: dict[Event, Allowance] = {}

    @property
    def has_left_out(self) -> bool:
        """Whether a count waits to be written."""
        return any(allowance.left_out for allowance in self._by_event.values())

    def admits(self, entry: Entry) -> bool:
        """Whether the line is written; always, for one that is not bounded."""
        if not entry.is_bounded:
            return True
        now = entry.created_seconds
        return self._by_event.setdefault(entry.event, Allowance(now)).admits(now)

    def reports(self, now: float, *, is_last: bool = False) -> Iterator[Entry]:
        """The counts that are due, as lines."""
        for event, allowance in self._by_event.items():
            if count := allowance.report(now, is_last=is_last):
                message = "lines about refused requests were left out"
                yield Entry(now, logging.WARNING, event, message, {"left_out": count}, None, None)

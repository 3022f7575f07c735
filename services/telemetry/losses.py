"""What no sink took: counted for each, and said once in a while in a line of its own, in whatever sink still works."""

import logging
from collections.abc import Iterator
from typing import Final

from services.telemetry.events import Event
from services.telemetry.render import Entry

REPORT_SECONDS: Final = 10.0


class Losses:
    """Lines lost, by the name of the sink that did not take them. Times in seconds."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._reported: float | None = None

    @property
    def has_any(self) -> bool:
        """Whether a count waits to be written."""
        return bool(self._counts)

    def add(self, sink: str, lines: int, now: float) -> None:
        """Counts lines that a sink did not take."""
        self._counts[sink] = self._counts.get(sink, 0) + lines
        self._reported = now if self._reported is None else self._reported

    def reports(self, now: float, *, is_last: bool = False) -> Iterator[Entry]:
        """The counts as lines, once they are due; they start at zero again."""
        if not self._counts or not (is_last or abs(now - (self._reported or 0.0)) >= REPORT_SECONDS):
            return
        counts, self._counts, self._reported = self._counts, {}, now
        for sink, count in counts.items():
            message = "log lines could not be written"
            yield Entry(now, logging.WARNING, Event.ERROR, message, {"sink": sink, "lost": count}, None, None)

"""Takes lines from any thread without ever waiting, and writes them from one thread of its own.

Who logs only appends to a queue in memory. The thread sleeps until the first line, lets a batch gather for a
quarter of a second, renders it and writes it with one call for each sink: waking it for every line would
cost more than the line. Where the sinks cannot keep up the queue is full at some point; lines are then
dropped and counted, and the count is a line of its own as soon as there is room. So are the counts of what a sink
did not take (`losses`) and of refusals that were left out (`allowances`).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from services.telemetry.allowances import LineAllowances
from services.telemetry.events import Event
from services.telemetry.losses import REPORT_SECONDS, Losses
from services.telemetry.render import Entry, Renderer
from services.telemetry.sinks import LinesLost, Sink

LONGEST_QUEUE_LINES = 20_000
LARGEST_BATCH_LINES = 1_000
GATHER_SECONDS = 0.25
CLOSE_SECONDS = 5.0


class LogPipe:
    """The queue and its thread. Owns the sinks: `close` writes what is left and closes them."""

    def __init__(
        self, renderer: Renderer, sinks: Sequence[Sink], longest_queue_lines: int = LONGEST_QUEUE_LINES
    ) -> None:
        self._renderer = renderer
        self._sinks = list(sinks)
        self._queue: deque[Entry] = deque()
        self._longest = longest_queue_lines
        self._dropped = self.dropped_in_all = 0
        self._allowances = LineAllowances()
        self._losses = Losses()
        self._has_lines = threading.Event()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Queues a line, or counts it where the queue is full."""
        if len(self._queue) >= self._longest:
            self._dropped += 1
            self.dropped_in_all += 1
            return
        self._queue.append(entry)
        if not self._has_lines.is_set():
            self._has_lines.set()

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Writes what is queued, within a bound: a sink that hangs must not keep the process."""
        self._is_closing.set()
        self._has_lines.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not (self._is_closing.is_set() and not self._queue):
            self._has_lines.wait(REPORT_SECONDS if self._has_counts else None)
            self._is_closing.wait(GATHER_SECONDS)
            self._has_lines.clear()
            self._write_batch()
            while self._queue:
                self._write_batch()
        self._write_entries(self._counts(is_last=True))
        for sink in self._sinks:
            sink.close()

    @property
    def _has_counts(self) -> bool:
        return self._allowances.has_left_out or self._losses.has_any

    def _counts(self, *, is_last: bool = False) -> list[Entry]:
        now = time.time()
        return [*self._allowances.reports(now, is_last=is_last), *self._losses.reports(now, is_last=is_last)]

    def _write_batch(self) -> None:
        taken = [self._queue.popleft() for _ in range(min(len(self._queue), LARGEST_BATCH_LINES))]
        entries = [entry for entry in taken if self._allowances.admits(entry)]
        if self._dropped:
            entries.append(self._drop_report())
        self._write_entries(entries + self._counts())

    def _write_entries(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        lines = [self._line(entry) for entry in entries]
        levels = [entry.level for entry in entries]
        for sink in self._sinks:
            self._write(sink, levels, lines)

    def _write(self, sink: Sink, levels: list[int], lines: list[bytes]) -> None:
        """Writes to one sink. One that fails (disk full, pipe closed) is tried again with the next batch."""
        try:
            sink.write(levels, lines)
        except (OSError, ValueError) as exc:
            lost = exc.count if isinstance(exc, LinesLost) else len(lines)
            self._losses.add(type(sink).__name__, lost, time.time())

    def _line(self, entry: Entry) -> bytes:
        try:
            return self._renderer.line(entry)
        except Exception as error:  # noqa: BLE001 -- a field's own __str__ may do anything; the thread must go on
            fields = {"logged": type(error).__name__}
            return self._renderer.line(entry._replace(message="a log line has no text", fields=fields, exception=None))

    def _drop_report(self) -> Entry:
        count, self._dropped = self._dropped, 0
        message = "log lines were dropped: they came faster than they could be written"
        return Entry(time.time(), logging.WARNING, Event.ERROR, message, {"dropped": count}, None, None)

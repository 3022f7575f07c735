"""The record: rows on their way into the table, and the journal they wait in."""

from services.telemetry.metrics.definitions import Board


class RecordFigures:
    """Counts rows."""

    def __init__(self, board: Board) -> None:
        self._rows = board.counter(
            "audit_rows",
            "Rows. `result`: written; failed (a try that the database did not take; it is repeated); refused (never "
            "taken, kept aside); handed_over (at a stop, to Redis or as AUDIT lines).",
            "result",
        )
        for result in ("written", "failed", "refused", "handed_over"):
            self._rows.of(result)
        self._deleted = board.counter("audit_deleted_rows", "Rows deleted for their age.").of()
        self._oldest = board.gauge(
            "audit_oldest_row_age_seconds", "The oldest row's age, when old rows were last deleted."
        ).of()
        board.watch("gauge", "audit_queue_rows", "Finished actions that are not in the table.")
        board.watch("gauge", "audit_oldest_waiting_seconds", "How long the oldest of them has waited.")
        board.watch("gauge", "audit_refused_kept_rows", "Rows in the file of those that the database refused.")
        board.watch("gauge", "audit_writable", "1: actions can be put on the record. 0: they are refused.")
        board.watch("gauge", "journal_bytes", "What the journal takes on disk.")
        board.watch("gauge", "journal_max_bytes", "What it may take: JOURNAL_MAX_MB.")
        board.watch("gauge", "journal_segments", "Files of the journal.")
        board.watch("counter", "journal_adopted_rows", "Rows that ended processes left behind.")
        board.watch("counter", "audit_collected_rows", "Rows of ended processes that came through Redis.")
        board.watch("counter", "journal_damages", "Places of the journal that could not be read.")

    def audit_written(self, rows: int) -> None:
        """Reports rows that reached the table."""
        self._rows.of("written").inc(rows)

    def audit_failed(self, rows: int) -> None:
        """Reports rows that a try to write them did not bring to the table."""
        self._rows.of("failed").inc(rows)

    def audit_refused(self, rows: int) -> None:
        """Reports rows that the database will never take."""
        self._rows.of("refused").inc(rows)

    def audit_logged(self, rows: int) -> None:
        """Reports rows that were handed over at a stop, because the database was away."""
        self._rows.of("handed_over").inc(rows)

    def audit_deleted(self, rows: int) -> None:
        """Reports rows deleted for their age."""
        self._deleted.inc(rows)

    def audit_oldest_row(self, age_seconds: float) -> None:
        """Reports how old the oldest row is; 0 for an empty table."""
        self._oldest.set(age_seconds)

"""Reading the record back. Every read has a bound, also while the table is locked."""

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Final

from services.audit.columns import LONGEST
from services.audit.cursor import Place, cursor_of, place_of
from services.audit.export import FIRST_ROWS, Piece, next_size, piece_of_export
from services.audit.selection import newest_id, page_query, place_of_row, row_by_action_id, rows_of
from services.database import DatabaseFailure, DatabaseThread, Session
from services.errors import AuditUnavailable, InvalidArgument, Violation
from services.ports import ActionFilter, ActionPage, ActionRow

MOST_ROWS: Final = 200
READ_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS: Final = 2.0


class AuditReader:
    """The record as `services.ports.AuditQuery` has it, on the reader's thread."""

    def __init__(self, thread: DatabaseThread, *, read_seconds: float = READ_SECONDS) -> None:
        self._thread = thread
        self._read_seconds = read_seconds

    async def page(self, wanted: ActionFilter, limit: int, cursor: str | None) -> ActionPage:
        """At most `limit` (1–200) rows, newest first, after `cursor`. Rows without a time are not listed.

        Raises InvalidArgument for a limit out of bounds or a cursor that is not ours, AuditUnavailable.
        """
        if not 1 <= limit <= MOST_ROWS:
            raise InvalidArgument([Violation(("limit",), f"must be 1 to {MOST_ROWS}")])
        place = None if cursor is None else place_of(cursor)
        rows = await self.read(partial(rows_of, query=page_query(wanted, limit + 1, place)))
        next_cursor = cursor_of(place_of_row(rows[limit - 1])) if len(rows) > limit else None
        return ActionPage(tuple(rows[:limit]), next_cursor)

    async def one(self, action_id: str) -> ActionRow | None:
        """The row of an action, or None. Raises AuditUnavailable."""
        if len(action_id) > LONGEST["action_id"]:
            return None
        rows = await self.read(partial(row_by_action_id, action_id=action_id))
        return rows[0] if rows else None

    async def export(self, wanted: ActionFilter, most_rows: int | None = None) -> AsyncGenerator[bytes]:
        """The rows there are now, oldest first, as lines of JSON; at most `most_rows`. Raises AuditUnavailable."""
        last_id = await self.read(newest_id)
        size, place, left = FIRST_ROWS, None, most_rows
        while left is None or left > 0:
            asked = size if left is None else min(size, left)
            piece = await self._piece(wanted, asked, place, last_id)
            if piece.rows:
                yield piece.lines
            if piece.rows < asked:
                return
            size, place = next_size(size, piece), piece.ends_at
            left = None if left is None else left - piece.rows

    async def _piece(self, wanted: ActionFilter, rows: int, after: Place | None, last_id: int) -> Piece:
        return await self.read(partial(piece_of_export, wanted=wanted, rows=rows, after=after, last_id=last_id))

    async def read[T](self, work: Callable[[Session], T]) -> T:
        """Runs `work`, which only reads, on the thread. Raises AuditUnavailable."""
        try:
            return await self._thread.run(work, self._read_seconds)
        except DatabaseFailure as exc:
            raise AuditUnavailable("The record cannot be read now.", retry_after_seconds=RETRY_AFTER_SECONDS) from exc

"""Reading the record back. Every read has a bound, also while the table is locked."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import orjson

from services.audit.columns import LONGEST, fitting, time_of, time_text
from services.audit.cursor import Place, cursor_of, place_of
from services.database import DatabaseFailure, DatabaseThread, Session
from services.errors import AuditUnavailable, InvalidArgument, Violation
from services.ports import ActionFilter, ActionPage, ActionRow

MOST_ROWS: Final = 200
READ_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS: Final = 2.0
NO_TIME: Final = datetime.min.replace(tzinfo=UTC)

_SELECT: Final = """
SELECT id, action_id, action_type, guild_id, channel_id, user_id, success, error_message, request_data, response_data,
    created_at, client_id, protocol, request_id, idempotency_key, outcome, error_code, discord_status, attempts,
    duration_ms
FROM discord_actions
WHERE """

_NEWEST_FIRST: Final = " ORDER BY created_at DESC, id DESC LIMIT %s"

_BY_COLUMN: Final = ("action_type", "guild_id", "channel_id", "user_id", "client_id")


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
        rows = await self._read(partial(_page, wanted=wanted, limit=limit + 1, after=place))
        next_cursor = cursor_of(_place(rows[limit - 1])) if len(rows) > limit else None
        return ActionPage(tuple(rows[:limit]), next_cursor)

    async def one(self, action_id: str) -> ActionRow | None:
        """The row of an action, or None. Raises AuditUnavailable."""
        if len(action_id) > LONGEST["action_id"]:
            return None
        rows = await self._read(partial(_one, action_id=action_id))
        return rows[0] if rows else None

    async def _read(self, work: Callable[[Session], list[ActionRow]]) -> list[ActionRow]:
        try:
            return await self._thread.run(work, self._read_seconds)
        except DatabaseFailure as exc:
            raise AuditUnavailable("The record cannot be read now.", retry_after_seconds=RETRY_AFTER_SECONDS) from exc


def _place(row: ActionRow) -> Place:
    return Place(time_text(row.created_at), row.id)


# ── on the reader's thread ──


def page_query(wanted: ActionFilter, limit: int, after: Place | None) -> tuple[str, tuple[object, ...]]:
    """The query of a page, and the values for its placeholders."""
    conditions, values = _conditions(wanted)
    if after is not None:
        conditions.append("(created_at, id) < (%s, %s)")
        values += after
    return _SELECT + " AND ".join(conditions) + _NEWEST_FIRST, (*values, limit)


def _page(session: Session, wanted: ActionFilter, limit: int, after: Place | None) -> list[ActionRow]:
    return [_row(found) for found in session.rows(*page_query(wanted, limit, after))]


def _one(session: Session, action_id: str) -> list[ActionRow]:
    found = session.rows(_SELECT + "action_id = %s", (fitting("action_id", action_id),))
    return [_row(values) for values in found]


def _conditions(wanted: ActionFilter) -> tuple[list[str], list[object]]:
    """What the rows must meet, and the values for its placeholders."""
    equal = {name: fitting(name, getattr(wanted, name)) for name in _BY_COLUMN if getattr(wanted, name) is not None}
    conditions = ["created_at IS NOT NULL", *(f"{name} = %s" for name in equal)]
    values: list[object] = list(equal.values())
    if wanted.success is not None:
        # Written out, because a placeholder would keep the index of failures from being used.
        conditions.append("success = TRUE" if wanted.success else "success = FALSE")
    for condition, time in (("created_at >= %s", wanted.since), ("created_at < %s", wanted.until)):
        if time is not None:
            conditions.append(condition)
            values.append(time_text(time))
    return conditions, values


def _row(found: tuple[Any, ...]) -> ActionRow:
    """A row of the table. One without a time shows the first there is; without `success` it shows no success."""
    success, error_message, request, response, created_at = found[6:11]
    time = NO_TIME if created_at is None else time_of(created_at)
    values = (*found[:6], bool(success), error_message, _json(request), _json(response), time, *found[11:])
    return ActionRow(*values)


def _json(stored: Any) -> Any:
    """A JSON column: PostgreSQL's driver gives a value, SQLite text."""
    return orjson.loads(stored) if isinstance(stored, str) else stored

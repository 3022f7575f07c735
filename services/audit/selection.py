"""The questions the record is asked, as SQL that both databases answer from an index.

What an index holds back from (`WHERE success = FALSE`) is written out in the query, never given as a value: only then
can the planner see that the index has every row asked for. `schema/postgresql.py` has the indexes.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from services.audit.columns import fitting, time_of, time_text
from services.audit.cursor import Place
from services.database import Session
from services.errors import OutcomeKind
from services.ports import ActionFilter, ActionRow, Places

_COLUMNS: Final = """
SELECT id, action_id, action_type, guild_id, channel_id, user_id, success, error_message,
    CAST(request_data AS TEXT), CAST(response_data AS TEXT),
    created_at, client_id, protocol, request_id, idempotency_key, outcome, error_code, discord_status, attempts,
    duration_ms
FROM discord_actions
WHERE """

_IDS: Final = "SELECT id FROM discord_actions WHERE "

_NEWEST_FIRST: Final = " ORDER BY created_at DESC, id DESC LIMIT %s"
_OLDEST_FIRST: Final = " ORDER BY created_at, id LIMIT %s"
_BY_ID: Final = " ORDER BY id LIMIT %s"

_EQUAL: Final = ("action_type", "guild_id", "channel_id", "user_id", "client_id", "outcome", "error_code")

NO_TIME: Final = datetime.min.replace(tzinfo=UTC)

type Query = tuple[str, tuple[object, ...]]


def page_query(wanted: ActionFilter, limit: int, after: Place | None) -> Query:
    """The query of a page, newest first, and the values for its placeholders."""
    conditions, values = _conditions(wanted)
    if after is not None:
        conditions.append("(created_at, id) < (%s, %s)")
        values += after
    return _COLUMNS + " AND ".join(conditions) + _NEWEST_FIRST, (*values, limit)


def export_query(wanted: ActionFilter, limit: int, after: Place | None, last_id: int) -> Query:
    """The query of a piece of an export, oldest first, of rows up to `last_id`; and its values."""
    conditions, values = _conditions(wanted)
    if after is not None:
        conditions.append("(created_at, id) > (%s, %s)")
        values += after
    return _COLUMNS + " AND ".join([*conditions, "id <= %s"]) + _OLDEST_FIRST, (*values, last_id, limit)


def ids_query(wanted: ActionFilter, after_id: int, limit: int) -> Query:
    """The query of the ids of matching rows that were written after `after_id`; and its values."""
    conditions, values = _conditions(wanted)
    where = " AND ".join([*conditions, "id > %s"])
    return _IDS + where + _BY_ID, (*values, after_id, limit)


def rows_of(session: Session, query: Query) -> list[ActionRow]:
    """The rows of one of these queries."""
    return [_row(found) for found in session.rows(*query)]


def row_by_action_id(session: Session, action_id: str) -> list[ActionRow]:
    """The row of an action, or none."""
    return rows_of(session, (_COLUMNS + "action_id = %s", (fitting("action_id", action_id),)))


def rows_by_id(session: Session, ids: list[int]) -> list[ActionRow]:
    """The rows with these ids, in the order they were written."""
    if not ids:
        return []
    return rows_of(session, (f"{_COLUMNS}id IN ({_marks(ids)}) ORDER BY id", tuple(ids)))


def newest_id(session: Session) -> int:
    """The id of the row that was written last; 0 for an empty table."""
    return int(session.rows("SELECT coalesce(max(id), 0) FROM discord_actions")[0][0])


def place_of_row(row: ActionRow) -> Place:
    """Where a row stands among the others."""
    return Place(time_text(row.created_at), row.id)


# ── conditions ──


def _conditions(wanted: ActionFilter) -> tuple[list[str], list[object]]:
    """What the rows must meet, and the values for its placeholders."""
    equal = {name: fitting(name, getattr(wanted, name)) for name in _EQUAL if getattr(wanted, name) is not None}
    conditions = ["created_at IS NOT NULL", *(f"{name} = %s" for name in equal), *_verdicts(wanted)]
    values: list[object] = list(equal.values())
    if wanted.places is not None:
        condition, ids = _within(wanted.places)
        conditions.append(condition)
        values += ids
    for condition, time in (("created_at >= %s", wanted.since), ("created_at < %s", wanted.until)):
        if time is not None:
            conditions.append(condition)
            values.append(time_text(time))
    return conditions, values


def _verdicts(wanted: ActionFilter) -> Iterable[str]:
    """Success as it is asked for, and as it follows from the outcome."""
    asked = set() if wanted.success is None else {wanted.success}
    if wanted.outcome is not None and wanted.outcome != OutcomeKind.DELIVERED:
        asked.add(False)
    return ("success = TRUE" if success else "success = FALSE" for success in sorted(asked))


def _within(places: Places) -> tuple[str, list[str]]:
    """The condition that `Places.include` is, and its values."""
    in_guild = "guild_id IS NOT NULL" if places.guilds is None else _among("guild_id", places.guilds)
    ids = sorted(places.guilds or ())
    if places.channels is None:
        return in_guild, ids
    channels, in_channel = sorted(places.channels), _among("channel_id", places.channels)
    in_both = f"{in_guild} AND (channel_id IS NULL OR {in_channel})"
    return f"(({in_both}) OR (guild_id IS NULL AND {in_channel}))", [*ids, *channels, *channels]


def _among(column: str, ids: frozenset[str]) -> str:
    return f"{column} IN ({_marks(ids)})" if ids else "FALSE"


def _marks(values: Iterable[object]) -> str:
    return ", ".join("%s" for _ in values)


# ── rows ──


def _row(found: tuple[Any, ...]) -> ActionRow:
    """A row of the table. One without a time shows the first there is; without `success` it shows no success."""
    success, error_message, request, response, created_at = found[6:11]
    time = NO_TIME if created_at is None else time_of(created_at)
    values = (*found[:6], bool(success), error_message, _json(request), _json(response), time, *found[11:])
    return ActionRow(*values)


def _json(stored: str | None) -> Any:
    """A JSON column. What somebody else wrote and no reader of JSON takes is shown as it is."""
    try:
        return None if stored is None else orjson.loads(stored)
    except orjson.JSONDecodeError:
        return {"unreadable": stored}

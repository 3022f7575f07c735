"""The usual questions are answered from an index, on a table large enough for the choice to matter."""

from datetime import UTC, datetime

import pytest

from services.audit.columns import time_text
from services.audit.cursor import Place
from services.audit.reader import page_query
from services.database import Address, Session
from services.database.schema import bring_up_to_date
from services.ports import ActionFilter

ROWS = 20_000
MIDDLE = Place(time_text(datetime(2026, 1, 1, 3, tzinfo=UTC)), ROWS)

FILL_POSTGRESQL = """
INSERT INTO discord_actions (action_type, guild_id, channel_id, user_id, client_id, success, created_at, action_id)
SELECT 'send_message', i %% 100, i %% 100, i %% 100, i %% 100, i %% 101 <> 0,
    timestamp '2026-01-01' + i * interval '1 second', 'id-' || i
FROM generate_series(1, %s) AS i
"""
FILL_SQLITE = """
WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %s)
INSERT INTO discord_actions (action_type, guild_id, channel_id, user_id, client_id, success, created_at, action_id)
SELECT 'send_message', i % 100, i % 100, i % 100, i % 100, i % 101 <> 0,
    strftime('%Y-%m-%d %H:%M:%f000', '2026-01-01', i || ' seconds'), 'id-' || i
FROM numbers
"""


def fill(session: Session) -> None:
    if session.is_sqlite:
        session.execute(FILL_SQLITE.replace("%s", str(ROWS)))
    else:
        session.execute(FILL_POSTGRESQL, (ROWS,))
    session.execute("ANALYZE discord_actions")


def plan(session: Session, wanted: ActionFilter, after: Place | None) -> str:
    sql, values = page_query(wanted, 51, after)
    explain = "EXPLAIN QUERY PLAN " if session.is_sqlite else "EXPLAIN "
    return "\n".join(str(line) for line in session.rows(explain + sql, values))


QUESTIONS = [
    (ActionFilter(), "discord_actions_by_time"),
    (ActionFilter(guild_id="7"), "discord_actions_by_guild"),
    (ActionFilter(channel_id="7"), "discord_actions_by_channel"),
    (ActionFilter(user_id="7"), "discord_actions_by_user"),
    (ActionFilter(client_id="7"), "discord_actions_by_client"),
    (ActionFilter(success=False), "discord_actions_failures"),
    (ActionFilter(guild_id="7", since=datetime(2026, 1, 1, 1, tzinfo=UTC)), "discord_actions_by_guild"),
    (ActionFilter(since=datetime(2026, 1, 1, 4, tzinfo=UTC)), "discord_actions_by_time"),
]


def test_every_usual_question_uses_its_index_and_sorts_nothing(database_url: str) -> None:
    session = Session(Address.parse(database_url), "test", statement_seconds=20)
    session.perform(bring_up_to_date)
    session.perform(fill)
    try:
        for wanted, index in QUESTIONS:
            for after in (None, MIDDLE):
                found = session.perform(lambda s, w=wanted, a=after: plan(s, w, a))  # type: ignore[misc]
                assert index in found, f"{wanted} after {after}:\n{found}"
                assert "Sort" not in found, found
                assert "TEMP B-TREE" not in found, found
    finally:
        session.close()


@pytest.mark.parametrize("url_fixture", ["postgres_url", "sqlite_url"])
def test_the_row_of_an_action_is_found_by_its_unique_id(url_fixture: str, request: pytest.FixtureRequest) -> None:
    session = Session(Address.parse(request.getfixturevalue(url_fixture)), "test", statement_seconds=20)
    session.perform(bring_up_to_date)
    session.perform(fill)
    explain = "EXPLAIN QUERY PLAN " if session.is_sqlite else "EXPLAIN "
    found = session.perform(
        lambda s: str(s.rows(explain + "SELECT id FROM discord_actions WHERE action_id = 'id-77'"))  # noqa: S608
    )
    session.close()
    assert "autoindex" in found or "discord_actions_action_id_key" in found

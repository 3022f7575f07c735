"""The usual questions are answered from an index, on a table large enough for the choice to matter."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from services.audit.columns import time_text
from services.audit.cursor import Place
from services.audit.retention import DELETE
from services.audit.selection import Query, export_query, ids_query, page_query
from services.database import Address, Session
from services.database.schema import bring_up_to_date, postgresql, sqlite
from services.ports import ActionFilter, Places
from tests.support.postgres import PostgresServer

ROWS = 200_000
MIDDLE = Place(time_text(datetime(2026, 1, 2, 3, tzinfo=UTC)), ROWS // 2)
EARLY = datetime(2026, 1, 1, 6, tzinfo=UTC)

# One row in a hundred failed, one in a thousand is unclear, one in 200 is a ban.
FILL = """
INSERT INTO discord_actions (
    action_type, guild_id, channel_id, user_id, client_id, success, outcome, error_code, created_at, action_id
)
SELECT CASE i % 200 WHEN 0 THEN 'ban_user' ELSE 'send_message' END,
    CASE i % 3 WHEN 0 THEN i % 100 END, CASE i % 3 WHEN 1 THEN i % 100 END, CASE i % 3 WHEN 2 THEN i % 100 END,
    i % 100, i % 100 <> 0,
    CASE WHEN i % 1000 = 0 THEN 'unknown' WHEN i % 100 = 0 THEN 'rejected' ELSE 'delivered' END,
    CASE WHEN i % 1000 = 0 THEN 'outcome_unknown' WHEN i % 100 = 0 THEN 'discord_unknown_channel' END,
    {time}, 'id-' || i
FROM {numbers}
"""
ON_POSTGRESQL = FILL.format(
    time="timestamp '2026-01-01' + i * interval '1 second'", numbers=f"generate_series(1, {ROWS}) AS i"
)
NUMBERS = f"WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {ROWS})"  # noqa: S608 -- ours
ON_SQLITE = NUMBERS + FILL.format(
    time="strftime('%Y-%m-%d %H:%M:%f000', '2026-01-01', i || ' seconds')", numbers="numbers"
)


def fill(session: Session) -> None:
    """Rows first and indexes after, which takes half as long."""
    session.lift_statement_limit()
    (sqlite if session.is_sqlite else postgresql).create_actions(session)
    session.execute(ON_SQLITE if session.is_sqlite else ON_POSTGRESQL)
    bring_up_to_date(session)
    session.execute("ANALYZE discord_actions")


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def large(
    request: pytest.FixtureRequest, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """A session on a large table."""
    is_postgresql = request.param == "postgresql"
    path = tmp_path_factory.mktemp("plans") / "actions.db"
    url = postgres_server.take_database() if is_postgresql else f"sqlite:///{path}"
    session = Session(Address.parse(url), "test", statement_seconds=20)
    session.perform(fill)
    yield session
    session.close()
    if is_postgresql:
        postgres_server.return_database(url)


def plan(session: Session, query: Query) -> str:
    explain = "EXPLAIN QUERY PLAN " if session.is_sqlite else "EXPLAIN "
    found = session.perform(lambda s: s.rows(explain + query[0], query[1]))
    return "\n".join(str(line) for line in found)


def reads_all(found: str) -> bool:
    """Whether the table is read from end to end."""
    return "Seq Scan" in found or "SCAN discord_actions'" in found


def sorts(found: str) -> bool:
    return "Sort" in found or "TEMP B-TREE" in found


QUESTIONS = [
    (ActionFilter(), "by_time"),
    (ActionFilter(guild_id="9"), "by_guild"),
    (ActionFilter(channel_id="7"), "by_channel"),
    (ActionFilter(user_id="8"), "by_user"),
    (ActionFilter(client_id="7"), "by_client"),
    (ActionFilter(action_type="ban_user"), "by_action"),
    (ActionFilter(success=False), "failures"),
    (ActionFilter(outcome="unknown"), "by_outcome"),
    (ActionFilter(outcome="delivered"), "by_time"),
    (ActionFilter(error_code="outcome_unknown"), "by_error"),
    (ActionFilter(places=Places(frozenset({"9"}))), "by_guild"),
    (ActionFilter(guild_id="9", since=EARLY), "by_guild"),
    (ActionFilter(since=EARLY), "by_time"),
    (ActionFilter(outcome="unknown", since=EARLY), "by_outcome"),
]


@pytest.mark.parametrize(("wanted", "index"), QUESTIONS, ids=str)
def test_a_usual_question_reads_an_index_in_order(large: Session, wanted: ActionFilter, index: str) -> None:
    for after in (None, MIDDLE):
        found = plan(large, page_query(wanted, 51, after))
        assert f"discord_actions_{index}" in found, found
        assert not sorts(found), found


@pytest.mark.parametrize(("wanted", "index"), QUESTIONS, ids=str)
def test_an_export_reads_an_index_too(large: Session, wanted: ActionFilter, index: str) -> None:
    """Where few rows match it may take them all and sort them."""
    for after in (None, MIDDLE):
        found = plan(large, export_query(wanted, 400, after, ROWS))
        assert f"discord_actions_{index}" in found, found
        assert not reads_all(found), found


QUESTIONS_OF_TWO_PARTS = {
    "guild and failure": ActionFilter(guild_id="9", success=False),
    "guild and outcome": ActionFilter(guild_id="9", outcome="unknown"),
    "client and action": ActionFilter(client_id="7", action_type="ban_user"),
    "outcome": ActionFilter(outcome="rejected"),
    "outcome and action": ActionFilter(outcome="rejected", action_type="ban_user"),
    "places by guild": ActionFilter(places=Places(frozenset({"9", "12"}))),
    "places by guild and channel": ActionFilter(places=Places(frozenset({"9", "12"}), frozenset({"7"}))),
}


@pytest.mark.parametrize("wanted", QUESTIONS_OF_TWO_PARTS.values(), ids=QUESTIONS_OF_TWO_PARTS)
def test_no_question_reads_the_whole_table(large: Session, wanted: ActionFilter) -> None:
    found = plan(large, page_query(wanted, 51, None))
    assert "discord_actions_" in found, found
    assert not reads_all(found), found


def test_the_row_of_an_action_is_found_by_its_unique_id(large: Session) -> None:
    found = plan(large, ("SELECT id FROM discord_actions WHERE action_id = %s", ("id-77",)))
    assert "autoindex" in found or "discord_actions_action_id_key" in found


@pytest.mark.parametrize("wanted", [ActionFilter(), ActionFilter(channel_id="7"), ActionFilter(success=False)], ids=str)
def test_who_watches_does_not_read_the_whole_table(large: Session, wanted: ActionFilter) -> None:
    found = plan(large, ids_query(wanted, ROWS - 2000, 4000))
    assert not reads_all(found), found


def test_what_is_too_old_is_found_by_time(large: Session) -> None:
    found = plan(large, (DELETE, ("2026-01-01 12:00:00", 500)))
    assert "discord_actions_by_time" in found
    assert found.count("Seq Scan") == 0, found

"""The tables on SQLite: the same columns; times are text with microseconds, truth is 0 or 1, JSON is text."""

from typing import Final

from services.database.schema.postgresql import CLIENT_BOUNDS, index_actions, index_outcomes
from services.database.session import Session

__all__ = ["bound_clients", "create_actions", "create_clients", "index_actions", "index_outcomes"]

_ACTIONS: Final = """
CREATE TABLE IF NOT EXISTS discord_actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    action_type VARCHAR(50) NOT NULL,
    guild_id VARCHAR(50),
    channel_id VARCHAR(50),
    user_id VARCHAR(50),
    success BOOLEAN DEFAULT TRUE,
    error_message TEXT,
    request_data TEXT,
    response_data TEXT,
    created_at TIMESTAMP DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
    action_id VARCHAR(36) UNIQUE NOT NULL,
    client_id VARCHAR(255),
    protocol VARCHAR(8),
    request_id VARCHAR(128),
    idempotency_key VARCHAR(255),
    outcome VARCHAR(16),
    error_code VARCHAR(64),
    discord_status INTEGER,
    attempts INTEGER,
    duration_ms INTEGER
)
"""

_COPY_OF_THE_TEN: Final = """
INSERT INTO discord_actions (
    id, action_type, guild_id, channel_id, user_id, success, error_message, request_data, response_data, created_at,
    action_id
)
SELECT
    id, action_type, guild_id, channel_id, user_id,
    CASE success WHEN 'T' THEN TRUE WHEN 'F' THEN FALSE ELSE success END,
    error_message, request_data, response_data,
    CASE length(created_at)
        WHEN 26 THEN replace(created_at, 'T', ' ')
        ELSE coalesce(strftime('%Y-%m-%d %H:%M:%f', created_at) || '000', created_at)
    END,
    lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89AB', 1 + abs(random() % 4), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))
FROM discord_actions_before
"""

_CLIENTS: Final = """
CREATE TABLE IF NOT EXISTS discord_clients (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id VARCHAR(64) UNIQUE NOT NULL,
    secret_hash VARCHAR(255) NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
)
"""


def create_actions(session: Session) -> None:
    """The table of actions, from nothing or from the ten columns it once had.

    SQLite cannot add a column that is NOT NULL and UNIQUE, so a table with ten columns is copied into a new one.
    """
    columns = {row[1] for row in session.rows("PRAGMA table_info(discord_actions)")}
    if not columns or "action_id" in columns:
        session.execute(_ACTIONS)
        return
    session.execute("ALTER TABLE discord_actions RENAME TO discord_actions_before")
    session.execute(_ACTIONS)
    session.execute(_COPY_OF_THE_TEN)
    session.execute("DROP TABLE discord_actions_before")


def create_clients(session: Session) -> None:
    """The registered callers."""
    session.execute(_CLIENTS)


def bound_clients(session: Session) -> None:
    """What limits a client, its second secret, and when it was last seen."""
    present = {row[1] for row in session.rows("PRAGMA table_info(discord_clients)")}
    for column in CLIENT_BOUNDS:
        if column.split()[0] not in present:
            session.execute(f"ALTER TABLE discord_clients ADD COLUMN {column}")

"""The tables on PostgreSQL."""

from typing import Final

from services.database.session import Session

_ACTIONS: Final = """
CREATE TABLE IF NOT EXISTS discord_actions (
    id SERIAL PRIMARY KEY,
    action_type VARCHAR(50) NOT NULL,
    guild_id VARCHAR(50),
    channel_id VARCHAR(50),
    user_id VARCHAR(50),
    success BOOLEAN DEFAULT TRUE,
    error_message TEXT,
    request_data JSONB,
    response_data JSONB,
    created_at TIMESTAMP DEFAULT NOW(),
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

_COLUMNS_BESIDE_THE_TEN: Final = """
ALTER TABLE discord_actions
    ADD COLUMN IF NOT EXISTS action_id VARCHAR(36) NOT NULL DEFAULT gen_random_uuid()::varchar,
    ADD COLUMN IF NOT EXISTS client_id VARCHAR(255),
    ADD COLUMN IF NOT EXISTS protocol VARCHAR(8),
    ADD COLUMN IF NOT EXISTS request_id VARCHAR(128),
    ADD COLUMN IF NOT EXISTS idempotency_key VARCHAR(255),
    ADD COLUMN IF NOT EXISTS outcome VARCHAR(16),
    ADD COLUMN IF NOT EXISTS error_code VARCHAR(64),
    ADD COLUMN IF NOT EXISTS discord_status INTEGER,
    ADD COLUMN IF NOT EXISTS attempts INTEGER,
    ADD COLUMN IF NOT EXISTS duration_ms INTEGER
"""
"""Rows that are there get an id each while the table is rewritten, which costs less than an UPDATE of them all."""

_ACTION_ID_IS_UNIQUE: Final = """
DO $$
BEGIN
    ALTER TABLE discord_actions ALTER COLUMN action_id DROP DEFAULT;
    IF to_regclass('discord_actions_action_id_key') IS NULL THEN
        ALTER TABLE discord_actions ADD CONSTRAINT discord_actions_action_id_key UNIQUE (action_id);
    END IF;
END $$
"""

_INDEXES: Final = (
    "discord_actions_by_time ON discord_actions (created_at, id)",
    "discord_actions_by_guild ON discord_actions (guild_id, created_at, id) WHERE guild_id IS NOT NULL",
    "discord_actions_by_channel ON discord_actions (channel_id, created_at, id) WHERE channel_id IS NOT NULL",
    "discord_actions_by_user ON discord_actions (user_id, created_at, id) WHERE user_id IS NOT NULL",
    "discord_actions_by_client ON discord_actions (client_id, created_at, id) WHERE client_id IS NOT NULL",
    "discord_actions_failures ON discord_actions (created_at, id) WHERE success = FALSE",
)
"""Each ends in the order rows are read in. Partial ones spare an insert the columns an action does not have."""

_MORE_INDEXES: Final = (
    "discord_actions_by_action ON discord_actions (action_type, created_at, id)",
    "discord_actions_by_outcome ON discord_actions (outcome, created_at, id) WHERE success = FALSE",
    "discord_actions_by_error ON discord_actions (error_code, created_at, id) WHERE error_code IS NOT NULL",
)
"""Who asks for an outcome asks for one that is rare; delivered rows are found by time."""

_CLIENTS: Final = """
CREATE TABLE IF NOT EXISTS discord_clients (
    id SERIAL PRIMARY KEY,
    client_id VARCHAR(64) UNIQUE NOT NULL,
    secret_hash VARCHAR(255) NOT NULL,
    scopes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
)
"""

CLIENT_BOUNDS: Final = (
    "previous_secret_hash VARCHAR(255)",
    "previous_secret_until TIMESTAMP",
    "guilds TEXT",
    "channels TEXT",
    "roles TEXT",
    "quota_per_minute INTEGER",
    "expires_at TIMESTAMP",
    "last_used_at TIMESTAMP",
)
"""Columns that came later. All may be NULL: a release before them can still register clients while it is replaced."""


def create_actions(session: Session) -> None:
    """The table of actions, from nothing or from the ten columns it once had."""
    session.execute(_ACTIONS)
    session.execute(_COLUMNS_BESIDE_THE_TEN)
    session.execute(_ACTION_ID_IS_UNIQUE)


def index_actions(session: Session) -> None:
    """An index for each question the record is asked."""
    for index in _INDEXES:
        session.execute(f"CREATE INDEX IF NOT EXISTS {index}")


def index_outcomes(session: Session) -> None:
    """Indexes for the questions what was done, how it ended and why."""
    for index in _MORE_INDEXES:
        session.execute(f"CREATE INDEX IF NOT EXISTS {index}")


def create_clients(session: Session) -> None:
    """The registered callers."""
    session.execute(_CLIENTS)


def bound_clients(session: Session) -> None:
    """What limits a client, its second secret, and when it was last seen."""
    columns = ", ".join(f"ADD COLUMN IF NOT EXISTS {column}" for column in CLIENT_BOUNDS)
    session.execute(f"ALTER TABLE discord_clients {columns}")

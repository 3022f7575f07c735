"""The settings of the module: read once, checked as a whole, frozen.

    settings = Settings.load()  # the environment over `.env`; ConfigurationError names every problem
    client = DiscordClient(settings.discord)

Each part of the module receives its own section and never reads the environment itself. What the operator
can set is defined in `configuration/sections.py` and `configuration/hosting.py`; `variables()` lists it.
"""

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from configuration.hosting import (
    LogSettings,
    RecordSettings,
    ServerSettings,
    SyslogSettings,
    TlsSettings,
    TraceSettings,
)
from configuration.reading import ConfigurationError, Reading
from configuration.secret import Secret
from configuration.sections import (
    RELEASE,
    AuthSettings,
    DatabaseSettings,
    DeadlineSettings,
    DiscordSettings,
    LimitSettings,
    ModuleSettings,
)
from configuration.sources import Problem, read_variables
from configuration.summary import summary
from configuration.table import Variable, table_of
from configuration.urls import passwords_of
from configuration.values import ROOT

__all__ = [
    "ENV_FILE",
    "RELEASE",
    "ROOT",
    "AuthSettings",
    "ConfigurationError",
    "DatabaseSettings",
    "DeadlineSettings",
    "DiscordSettings",
    "LimitSettings",
    "LogSettings",
    "ModuleSettings",
    "Problem",
    "RecordSettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "SyslogSettings",
    "TlsSettings",
    "TraceSettings",
    "Variable",
    "auth_settings",
    "database_settings",
    "has_bot_token",
    "own_address_settings",
    "record_settings",
    "variables",
]

ENV_FILE = ROOT / ".env"

SECTIONS = (
    DiscordSettings,
    AuthSettings,
    DatabaseSettings,
    LimitSettings,
    ServerSettings,
    TlsSettings,
    DeadlineSettings,
    RecordSettings,
    LogSettings,
    SyslogSettings,
    TraceSettings,
    ModuleSettings,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every section."""

    module: ModuleSettings
    discord: DiscordSettings
    limits: LimitSettings
    deadlines: DeadlineSettings
    auth: AuthSettings
    database: DatabaseSettings
    servers: ServerSettings
    record: RecordSettings
    logs: LogSettings
    traces: TraceSettings

    @classmethod
    def load(cls, env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None) -> Self:
        """Reads the settings from `environ` (by default the process's) over `env_file` (None: no file).

        Raises ConfigurationError with every problem there is, each by its variable's name.
        """
        reading = Reading(SECTIONS, env_file, os.environ if environ is None else environ)
        logs = reading.of(LogSettings)
        syslog = reading.of(SyslogSettings) if logs.syslog_enabled else None
        return cls(
            module=reading.of(ModuleSettings),
            discord=reading.of(DiscordSettings),
            limits=reading.of(LimitSettings),
            deadlines=reading.of(DeadlineSettings),
            auth=reading.of(AuthSettings),
            database=reading.of(DatabaseSettings),
            servers=_servers(reading),
            record=reading.of(RecordSettings),
            logs=logs.model_copy(update={"syslog": syslog}),
            traces=reading.of(TraceSettings),
        )

    def summary(self) -> str:
        """Tells every section, a paragraph each, without its secrets."""
        sections = (self.discord, self.auth, self.database, self.limits, self.servers, self.servers.tls)
        rest = (self.deadlines, self.record, self.logs, self.logs.syslog, self.traces, self.module)
        return summary(section for section in (*sections, *rest) if section is not None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Lists every secret value, for what hides them in logs and rows; a URL counts when it holds a password."""
        keys = (self.discord.bot_token, self.auth.secret_key, self.auth.previous_secret_key)
        urls = [url.get_secret_value() for url in (self.database.url, self.limits.redis_url) if url is not None]
        passwords = [(url, *found) for url in urls if (found := passwords_of(url))]
        known = (key.get_secret_value() for key in keys if key is not None)
        return (*known, *itertools.chain(*passwords), *self.traces.secrets)


def _servers(reading: Reading) -> ServerSettings:
    return reading.of(ServerSettings).model_copy(update={"tls": reading.optional(TlsSettings)})


def database_settings(env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None) -> DatabaseSettings:
    """Reads the one section that the commands on the database need. Raises ConfigurationError."""
    return Reading((DatabaseSettings,), env_file, os.environ if environ is None else environ).of(DatabaseSettings)


def auth_settings(env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None) -> AuthSettings:
    """Reads the one section that making a token needs. Raises ConfigurationError."""
    return Reading((AuthSettings,), env_file, os.environ if environ is None else environ).of(AuthSettings)


def own_address_settings(
    env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None
) -> tuple[ServerSettings, AuthSettings]:
    """Reads where the module listens and what it signs with, for commands that ask it. Raises ConfigurationError."""
    sections = (AuthSettings, ServerSettings, TlsSettings)
    reading = Reading(sections, env_file, os.environ if environ is None else environ)
    return _servers(reading), reading.of(AuthSettings)


def record_settings(env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None) -> RecordSettings:
    """Reads the one section that the commands on the journal need. Raises ConfigurationError."""
    sections = (RecordSettings, LogSettings)  # LOG_DIR says where the journal is by default
    return Reading(sections, env_file, os.environ if environ is None else environ).of(RecordSettings)


def has_bot_token(env_file: Path | None = ENV_FILE, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a bot token was given, in whichever way, without judging the rest of the configuration."""
    names = ("DISCORD_BOT_TOKEN", "DISCORD_BOT_TOKEN_FILE")
    given, _ = read_variables(env_file, os.environ if environ is None else environ, names, secrets=())
    return bool(given)


def variables() -> tuple[Variable, ...]:
    """Lists what an operator can set, in the order of the documentation."""
    return tuple(table_of(SECTIONS).values())

"""Settings as tests load them: what is required is there, and nothing comes from outside."""

import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from config import ConfigurationError, Settings

KEY = secrets.token_hex(48)
REQUIRED = {
    "DISCORD_BOT_TOKEN": "abc.def",
    "MODULE_SECRET_KEY": KEY,
    "DATABASE_URL": "postgresql://u:p@db:5432/actions",
}


def load(changes: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    return Settings.load(env_file, REQUIRED | dict(changes or {}))


def problems_of(changes: Mapping[str, str], env_file: Path | None = None) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load(changes, env_file)
    return {problem.variable: problem.detail for problem in caught.value.problems}

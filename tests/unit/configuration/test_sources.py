"""Where variables come from."""

import secrets
from pathlib import Path

import pytest

from config import ConfigurationError, Settings, has_bot_token, variables
from tests.unit.configuration.loading import KEY, REQUIRED, load, problems_of


def test_the_processs_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (REQUIRED | {"MAX_RETRIES": "7"}).items():
        monkeypatch.setenv(name, value)
    assert Settings.load(None).discord.max_retries == 7


def test_empty_values_count_as_absent_and_unknown_names_are_ignored() -> None:
    settings = load({"GRPC_PORT": "", "LOG_DIR": "", "REDIS_URL": "", "tls": "1", "syslog": "x", "PATH": "/bin"})
    assert settings.servers.grpc_port == 50051
    assert settings.logs.directory is None
    assert settings.servers.tls is None


def test_the_environment_wins_over_the_file_unless_it_is_empty(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("MAX_RETRIES=1\nRETRY_DELAY=2.5\n# LOG_LEVEL=ERROR\nLOG_FORMAT='text'\n")
    settings = load({"MAX_RETRIES": "2", "RETRY_DELAY": ""}, env_file)
    assert (settings.discord.max_retries, settings.discord.retry_delay_seconds) == (2, 2.5)
    assert (settings.logs.level, settings.logs.format) == ("INFO", "text")


def test_a_file_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"LOG_LEVEL=\xff\xfe")
    assert problems_of({}, env_file) == {str(env_file): "cannot be read: it is not UTF-8"}


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(f"\n{KEY}\n")
    environ = {name: value for name, value in REQUIRED.items() if name != "MODULE_SECRET_KEY"}
    settings = Settings.load(None, environ | {"MODULE_SECRET_KEY_FILE": str(secret)})
    assert settings.auth.secret_key.get_secret_value() == KEY


def test_a_secret_from_a_file_keeps_its_rules(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("too short")
    environ = {name: value for name, value in REQUIRED.items() if name != "MODULE_SECRET_KEY"}
    with pytest.raises(ConfigurationError, match="MODULE_SECRET_KEY: must have at least 64"):
        Settings.load(None, environ | {"MODULE_SECRET_KEY_FILE": str(secret)})


def test_what_is_wrong_with_a_secrets_file_is_reported_once_under_its_name(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    environ = {
        "DISCORD_BOT_TOKEN_FILE": str(tmp_path / "missing"),
        "MODULE_SECRET_KEY_FILE": str(empty),
        "DATABASE_URL": REQUIRED["DATABASE_URL"],
        "DATABASE_URL_FILE": str(empty),
    }
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(None, environ)
    details = {problem.variable: problem.detail for problem in caught.value.problems}
    assert list(details) == ["DISCORD_BOT_TOKEN_FILE", "MODULE_SECRET_KEY_FILE", "DATABASE_URL_FILE"]
    assert "cannot be read" in details["DISCORD_BOT_TOKEN_FILE"]
    assert "empty file" in details["MODULE_SECRET_KEY_FILE"]
    assert "is set beside DATABASE_URL" in details["DATABASE_URL_FILE"]


def test_every_secret_can_come_from_a_file(tmp_path: Path) -> None:
    values = REQUIRED | {
        "MODULE_SECRET_KEY_PREVIOUS": secrets.token_hex(48),
        "REDIS_URL": "redis://h",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=x",
    }
    assert {variable.name for variable in variables() if variable.is_secret} == set(values)
    environ = {}
    for name, value in values.items():
        (tmp_path / name).write_text(value)
        environ[f"{name}_FILE"] = str(tmp_path / name)
    settings = Settings.load(None, environ)
    assert settings.auth.previous_secret_key is not None
    assert settings.limits.redis_url is not None
    assert settings.traces.secrets == ("x",)


@pytest.mark.parametrize(
    ("name", "is_given"), [("DISCORD_BOT_TOKEN", True), ("DISCORD_BOT_TOKEN_FILE", True), ("X", False)]
)
def test_whether_a_bot_token_was_given(tmp_path: Path, name: str, is_given: bool) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"{name}=x\n")
    assert has_bot_token(env_file, {}) is is_given
    assert has_bot_token(None, {name: "x"}) is is_given
    assert not has_bot_token(None, {"DISCORD_BOT_TOKEN": ""})

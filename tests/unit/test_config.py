import secrets
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from config import RELEASE, ROOT, ConfigurationError, LimitSettings, Settings, has_bot_token, variables

KEY = secrets.token_hex(48)
REQUIRED = {
    "DISCORD_BOT_TOKEN": "abc.def",
    "MODULE_SECRET_KEY": KEY,
    "DATABASE_URL": "postgresql://u:p@db:5432/actions",
}

CONTRACT = (
    "DISCORD_BOT_TOKEN",
    "MODULE_SECRET_KEY",
    "MODULE_SECRET_KEY_PREVIOUS",
    "DATABASE_URL",
    "REDIS_URL",
    "GRPC_PORT",
    "REST_PORT",
    "HOST",
    "DISCORD_API_VERSION",
    "DISCORD_API_BASE",
    "DISCORD_API_ALLOW_HTTP",
    "JWT_ALGORITHM",
    "JWT_EXPIRATION_SECONDS",
    "MODULE_NAME",
    "MODULE_VERSION",
    "MAX_CONCURRENT_REQUESTS",
    "REQUEST_TIMEOUT",
    "MAX_WAIT",
    "MAX_RETRIES",
    "RETRY_DELAY",
    "DISCORD_RATE_LIMIT_GLOBAL",
    "DISCORD_RATE_LIMIT_PER_CHANNEL",
    "LOG_LEVEL",
    "LOG_DIR",
    "LOG_FORMAT",
    "JOURNAL_DIR",
    "AUDIT_RETENTION_DAYS",
    "TLS_CERT_FILE",
    "TLS_KEY_FILE",
    "TLS_CLIENT_CA_FILE",
    "GRPC_REFLECTION",
    "SHUTDOWN_PAUSE",
    "SHUTDOWN_GRACE",
    "ENABLE_SYSLOG",
    "SYSLOG_HOST",
    "SYSLOG_PORT",
    "SYSLOG_FACILITY",
)


def load(changes: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    return Settings.load(env_file, REQUIRED | dict(changes or {}))


def problems_of(changes: Mapping[str, str], env_file: Path | None = None) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load(changes, env_file)
    return {problem.variable: problem.detail for problem in caught.value.problems}


def test_the_defaults_are_the_contracts() -> None:
    settings = load()
    assert (settings.module.name, settings.module.version) == ("discord_action_module", RELEASE)
    assert settings.discord.api_base == "https://discord.com/api/v10"
    assert settings.discord.max_concurrent_requests == 100
    assert (settings.discord.attempt_timeout_seconds, settings.discord.max_retries) == (30, 3)
    assert settings.discord.retry_delay_seconds == 1.0
    assert (settings.limits.global_per_second, settings.limits.per_channel_per_second) == (50, 5)
    assert settings.limits.redis_url is None
    assert (settings.deadlines.default_seconds, settings.deadlines.longest_seconds) == (30, 300)
    assert (settings.auth.algorithm, settings.auth.lifetime_seconds) == ("HS256", 3600)
    assert settings.auth.previous_secret_key is None
    assert (settings.servers.host, settings.servers.grpc_port, settings.servers.rest_port) == ("0.0.0.0", 50051, 8070)
    assert (settings.servers.tls, settings.servers.grpc_reflection) == (None, True)
    assert (settings.record.journal_dir, settings.record.retention_days) == (ROOT / "data/journal", None)
    assert (settings.logs.level, settings.logs.directory) == ("INFO", None)
    assert (settings.logs.format, settings.logs.syslog) == ("json", None)


def test_the_release_is_the_projects_version() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == RELEASE


def test_every_problem_is_reported_at_once_by_its_variable() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(None, {"GRPC_PORT": "x", "LOG_LEVEL": "loud", "MAX_RETRIES": "-1", "ENABLE_SYSLOG": "maybe"})
    names = [problem.variable for problem in caught.value.problems]
    assert names == [
        "DISCORD_BOT_TOKEN",
        "MAX_RETRIES",
        "MODULE_SECRET_KEY",
        "DATABASE_URL",
        "GRPC_PORT",
        "LOG_LEVEL",
        "ENABLE_SYSLOG",
    ]
    assert "GRPC_PORT: must be a whole number from 0 to 65535, not 'x'" in str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("DISCORD_BOT_TOKEN", "Bot abc", "without the word 'Bot'"),
        ("DISCORD_BOT_TOKEN", "a b", "without blanks"),
        ("DISCORD_BOT_TOKEN", "tökén", "printable ASCII"),
        ("MODULE_SECRET_KEY", "k3" * 31, "at least 64 characters, this one has 62"),
        ("MODULE_SECRET_KEY", "change-me-" * 7, "placeholder"),
        ("MODULE_SECRET_KEY", "Your_Secret key " * 5, "placeholder"),
        ("MODULE_SECRET_KEY", "z" * 96, "placeholder"),
        ("MODULE_SECRET_KEY_PREVIOUS", "short", "at least 64 characters"),
        ("DATABASE_URL", "mysql://u:p@h/d", "postgresql:// or sqlite:///"),
        ("DATABASE_URL", "postgresql:///d", "must name a host"),
        ("DATABASE_URL", "postgresql://u:p@h:5432/", "must name a database"),
        ("DATABASE_URL", "sqlite://x.db", "three slashes"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("REDIS_URL", "http://h", "redis://"),
        ("GRPC_PORT", "65536", "from 0 to 65535"),
        ("REST_PORT", "50051", "must differ from GRPC_PORT"),
        ("HOST", "http://0.0.0.0", "address or a host name"),
        ("DISCORD_API_VERSION", "9", "must be 10"),
        ("DISCORD_API_BASE", "http://10.0.0.1:8075/api/v10", "DISCORD_API_ALLOW_HTTP"),
        ("DISCORD_API_BASE", "https://me@discord.com/api/v10", "must not carry a user"),
        ("DISCORD_API_BASE", "https://discord.com/api/v10?x=1", "a query"),
        ("DISCORD_API_BASE", "ftp://discord.com", "must be a URL"),
        ("JWT_ALGORITHM", "none", "HS256, HS384 or HS512"),
        ("JWT_EXPIRATION_SECONDS", "0", "from 1 to 31536000"),
        ("MODULE_NAME", "../x", "letters, digits"),
        ("MODULE_VERSION", "v" * 65, "1 to 64 characters"),
        ("MAX_CONCURRENT_REQUESTS", "0", "from 1 to 10000"),
        ("REQUEST_TIMEOUT", "nan", "a number from 0.1 to 3600"),
        ("REQUEST_TIMEOUT", "301", "MAX_WAIT, which is 300"),
        ("MAX_WAIT", "inf", "from 0.1 to 3600"),
        ("RETRY_DELAY", "61", "from 0 to 60"),
        ("DISCORD_RATE_LIMIT_GLOBAL", "0", "from 1 to"),
        ("DISCORD_RATE_LIMIT_PER_CHANNEL", "many", "whole number"),
        ("LOG_LEVEL", "verbose", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ("LOG_FORMAT", "xml", "json or text"),
        ("AUDIT_RETENTION_DAYS", "0", "from 1 to 36500"),
        ("GRPC_REFLECTION", "perhaps", "true or false"),
        ("SYSLOG_PORT", "0", "from 1 to 65535"),
        ("SYSLOG_FACILITY", "LOCAL8", "syslog facility"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_what_it_must_be(variable: str, value: str, detail: str) -> None:
    problems = problems_of({variable: value})
    assert list(problems) == [variable]
    assert detail in problems[variable]


@pytest.mark.parametrize("url", ["postgresql://u:s3cr3t/pw@h/d", "postgresql://[s3cr3t@h/d"])
def test_a_problem_with_a_url_does_not_repeat_its_password(url: str) -> None:
    problems = problems_of({"DATABASE_URL": url})
    assert "s3cr3t" not in problems["DATABASE_URL"]


@pytest.mark.parametrize(
    "variable", ["DISCORD_BOT_TOKEN", "MODULE_SECRET_KEY", "MODULE_SECRET_KEY_PREVIOUS", "REDIS_URL"]
)
def test_a_problem_with_a_secret_does_not_repeat_it(variable: str) -> None:
    problems = problems_of({variable: "hunter 2 ü"})
    assert "hunter" not in problems[variable]


def test_secrets_do_not_print() -> None:
    settings = load({"REDIS_URL": "redis://:hidden-password@h"})
    shown = repr(settings)
    assert KEY not in shown
    assert "u:p@db" not in shown
    assert "hidden-password" not in shown


def test_every_secret_value_is_listed_for_hiding() -> None:
    previous = secrets.token_hex(48)
    settings = load({"REDIS_URL": "redis://:hidden%20pw@h", "MODULE_SECRET_KEY_PREVIOUS": previous})
    assert set(settings.secrets) == {
        "abc.def",
        KEY,
        previous,
        REQUIRED["DATABASE_URL"],
        "redis://:hidden%20pw@h",
        "p",
        "hidden%20pw",
    }


def test_sections_are_frozen() -> None:
    settings = load()
    with pytest.raises(ValidationError):
        settings.discord.max_retries = 5  # type: ignore[misc]


def test_a_section_is_built_without_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_RATE_LIMIT_GLOBAL", "7")
    assert LimitSettings().global_per_second == 50
    assert LimitSettings(global_per_second=9).global_per_second == 9


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
    values = REQUIRED | {"MODULE_SECRET_KEY_PREVIOUS": secrets.token_hex(48), "REDIS_URL": "redis://h"}
    assert {variable.name for variable in variables() if variable.is_secret} == set(values)
    environ = {}
    for name, value in values.items():
        (tmp_path / name).write_text(value)
        environ[f"{name}_FILE"] = str(tmp_path / name)
    settings = Settings.load(None, environ)
    assert settings.auth.previous_secret_key is not None
    assert settings.limits.redis_url is not None


@pytest.mark.parametrize(
    ("given", "allowed", "base"),
    [
        ("http://127.0.0.1:8075/api/v10/", "", "http://127.0.0.1:8075/api/v10"),
        ("http://localhost:8075/api/v{version}", "", "http://localhost:8075/api/v10"),
        ("http://[::1]:8075/api", "", "http://[::1]:8075/api"),
        ("http://sandbox:8075/api/v10", "true", "http://sandbox:8075/api/v10"),
        ("https://proxy.example/api/v10", "", "https://proxy.example/api/v10"),
    ],
)
def test_another_base_for_the_api(given: str, allowed: str, base: str) -> None:
    assert load({"DISCORD_API_BASE": given, "DISCORD_API_ALLOW_HTTP": allowed}).discord.api_base == base


def test_a_relative_sqlite_path_starts_at_the_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    relative = load({"DATABASE_URL": "sqlite:///data/x.db"}).database.url.get_secret_value()
    absolute = load({"DATABASE_URL": "sqlite:////var/lib/x.db"}).database.url.get_secret_value()
    assert relative == f"sqlite:///{ROOT}/data/x.db"
    assert absolute == "sqlite:////var/lib/x.db"


def test_two_free_ports_may_be_asked_for() -> None:
    servers = load({"GRPC_PORT": "0", "REST_PORT": "0"}).servers
    assert (servers.grpc_port, servers.rest_port) == (0, 0)


def test_a_certificate_and_its_key_come_together(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.touch()
    key.touch()
    assert "TLS_CERT_FILE and TLS_KEY_FILE come together" in problems_of({"TLS_CERT_FILE": str(cert)})["TLS_KEY_FILE"]
    assert set(problems_of({"TLS_CLIENT_CA_FILE": str(cert)})) == {"TLS_CERT_FILE", "TLS_KEY_FILE"}
    assert "cannot be read" in problems_of({"TLS_CERT_FILE": str(cert), "TLS_KEY_FILE": "/missing"})["TLS_KEY_FILE"]
    tls = load({"TLS_CERT_FILE": str(cert), "TLS_KEY_FILE": str(key)}).servers.tls
    assert tls is not None
    assert (tls.cert_file, tls.key_file, tls.client_ca_file) == (cert, key, None)


def test_the_journal_stands_beside_the_logs_unless_it_has_its_own_place() -> None:
    assert load({"LOG_DIR": "/var/log/x"}).record.journal_dir == Path("/var/log/x/journal")
    assert load({"LOG_DIR": "/var/log/x", "JOURNAL_DIR": "/j"}).record.journal_dir == Path("/j")


def test_syslog_is_there_when_it_is_switched_on() -> None:
    assert load({"SYSLOG_HOST": "log.example"}).logs.syslog is None
    syslog = load({"ENABLE_SYSLOG": "true", "SYSLOG_PORT": "1514", "SYSLOG_FACILITY": "local3"}).logs.syslog
    assert syslog is not None
    assert (syslog.host, syslog.port, syslog.facility) == ("localhost", 1514, "LOCAL3")


def test_levels_may_be_written_small() -> None:
    assert load({"LOG_LEVEL": "debug"}).logs.level == "DEBUG"


def test_the_table_names_every_variable_once() -> None:
    names = [variable.name for variable in variables()]
    assert sorted(names) == sorted(CONTRACT)
    assert [variable.name for variable in variables() if variable.is_required] == [
        "DISCORD_BOT_TOKEN",
        "MODULE_SECRET_KEY",
        "DATABASE_URL",
    ]
    assert all(variable.meaning.endswith(".") or "openssl" in variable.meaning for variable in variables())


def test_the_example_filled_in_is_a_configuration(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text((ROOT / ".env.example").read_text())
    env_file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(env_file, {})
    assert {problem.variable for problem in caught.value.problems} == set(REQUIRED)
    assert Settings.load(env_file, REQUIRED).servers.rest_port == 8070


@pytest.mark.parametrize(
    ("name", "is_given"), [("DISCORD_BOT_TOKEN", True), ("DISCORD_BOT_TOKEN_FILE", True), ("X", False)]
)
def test_whether_a_bot_token_was_given(tmp_path: Path, name: str, is_given: bool) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"{name}=x\n")
    assert has_bot_token(env_file, {}) is is_given
    assert has_bot_token(None, {name: "x"}) is is_given
    assert not has_bot_token(None, {"DISCORD_BOT_TOKEN": ""})

import secrets
import stat
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from config import RELEASE, ROOT, ConfigurationError, LimitSettings, Settings, variables
from tests.unit.configuration.loading import KEY, REQUIRED, load, problems_of

CONTRACT = (
    "DISCORD_BOT_TOKEN",
    "MODULE_SECRET_KEY",
    "MODULE_SECRET_KEY_PREVIOUS",
    "DATABASE_URL",
    "REDIS_URL",
    "EGRESS_ID",
    "GRPC_PORT",
    "REST_PORT",
    "TRUSTED_PROXIES",
    "REST_MAX_CONNECTIONS",
    "GRPC_MAX_CONNECTIONS",
    "GRPC_MAX_CONNECTION_AGE",
    "HOST",
    "DISCORD_API_VERSION",
    "DISCORD_API_BASE",
    "DISCORD_API_ALLOW_HTTP",
    "JWT_ALGORITHM",
    "JWT_EXPIRATION_SECONDS",
    "JWT_MAX_LIFETIME_SECONDS",
    "JWT_UNSCOPED_ACCESS",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
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
    "JOURNAL_MAX_MB",
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
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_SERVICE_NAME",
)


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
        "hidden pw",
    }


def test_sections_are_frozen() -> None:
    settings = load()
    with pytest.raises(ValidationError):
        settings.discord.max_retries = 5  # type: ignore[misc]


def test_a_section_is_built_without_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_RATE_LIMIT_GLOBAL", "7")
    assert LimitSettings().global_per_second == 50
    assert LimitSettings(global_per_second=9).global_per_second == 9


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


@pytest.mark.parametrize("name", ["", " door", "door ", "d\u00f6r", "a\nb", "x" * 256])
def test_a_tokens_audience_is_a_plain_name(name: str) -> None:
    assert load({"JWT_AUDIENCE": "https://door.example/api", "JWT_ISSUER": "x" * 255}).auth.issuer == "x" * 255
    if name:
        assert "JWT_AUDIENCE" in problems_of({"JWT_AUDIENCE": name})
    else:
        assert load({"JWT_AUDIENCE": name}).auth.audience is None


def test_trusted_proxies_are_networks() -> None:
    assert load().servers.trusted_proxies == ()
    trusted = load({"TRUSTED_PROXIES": "10.0.0.0/8, 192.168.1.7 fd00::/8,10.0.0.0/8"}).servers.trusted_proxies
    assert [str(network) for network in trusted] == ["10.0.0.0/8", "192.168.1.7/32", "fd00::/8"]
    for wrong in ("proxy.example", "10.0.0.1/8", "10.0.0.0/33", "*"):
        assert "TRUSTED_PROXIES" in problems_of({"TRUSTED_PROXIES": wrong})


def test_a_token_made_here_does_not_outlast_the_longest() -> None:
    problems = problems_of({"JWT_MAX_LIFETIME_SECONDS": "600", "JWT_EXPIRATION_SECONDS": "601"})
    assert "JWT_MAX_LIFETIME_SECONDS" in problems["JWT_EXPIRATION_SECONDS"]


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


def test_the_summary_names_every_variable_and_tells_no_secret(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    tls = {"TLS_CERT_FILE": str(tmp_path / "cert.pem"), "TLS_KEY_FILE": str(tmp_path / "key.pem")}
    settings = load({"REDIS_URL": "redis://:hidden-password@h", "ENABLE_SYSLOG": "true"} | tls)
    told = settings.summary()
    assert all(f"{variable.name}=" in told for variable in variables())
    assert "MAX_RETRIES=3" in told
    assert "MODULE_SECRET_KEY=(set)" in told
    assert not any(secret in told for secret in settings.secrets if secret != "p")

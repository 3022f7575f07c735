"""The URLs an operator gives."""

from pathlib import Path

import pytest

from config import ROOT
from tests.unit.configuration.loading import load, problems_of


@pytest.mark.parametrize("url", ["postgresql://u:s3cr3t/pw@h/d", "postgresql://[s3cr3t@h/d"])
def test_a_problem_with_a_url_does_not_repeat_its_password(url: str) -> None:
    problems = problems_of({"DATABASE_URL": url})
    assert "s3cr3t" not in problems["DATABASE_URL"]


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


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("DATABASE_URL", "mysql://u:p@h/d", "postgresql:// or sqlite:///"),
        ("DATABASE_URL", "postgresql:///d", "must name a host"),
        ("DATABASE_URL", "postgresql://u:p@h:5432/", "must name a database"),
        (
            "DATABASE_URL",
            "postgresql://u:p@h/d?sslmode=nonsense",
            "sslmode = disable, allow, prefer",
        ),
        ("DATABASE_URL", "postgresql://u:p@h/d?sslmode=", "sslmode = disable"),
        ("DATABASE_URL", "postgresql://u:p@h/d?target_session_attrs=best", "target_session_attrs = any"),
        ("DATABASE_URL", "postgresql://u:p@h/d?port=many", "port from 1 to 65535"),
        ("DATABASE_URL", "postgresql://u:p@h/d#x", "fragment"),
        ("DATABASE_URL", "postgresql://u:p w@h/d", "blanks or control characters"),
        ("DATABASE_URL", "sqlite://x.db", "three slashes"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("DATABASE_URL", "sqlite:////a\x00.db", "control characters"),
        ("REDIS_URL", "http://h", "redis://"),
        ("REDIS_URL", "redis://h:notaport/0", "is not a URL"),
        ("REDIS_URL", "redis://u:p[a]@h/0", "is not a URL"),
        ("REDIS_URL", "redis://h/first", "the number of a database"),
        ("REDIS_URL", "redis://h?db=first", "the number of a database"),
        ("REDIS_URL", "redis://h?socket_timeout=never", "must not have the parameter 'socket_timeout'"),
        ("REDIS_URL", "redis://h?ssl_ca_certs=/ca.pem", "must not have the parameter 'ssl_ca_certs'"),
        ("REDIS_URL", "unix://", "must name a socket"),
        ("DISCORD_API_BASE", "http://10.0.0.1:8075/api/v10", "DISCORD_API_ALLOW_HTTP"),
        ("DISCORD_API_BASE", "https://me@discord.com/api/v10", "must not carry a user"),
        ("DISCORD_API_BASE", "https://discord.com/api/v10?x=1", "a query"),
        ("DISCORD_API_BASE", "ftp://discord.com", "must be a URL"),
        ("DISCORD_API_BASE", "https://discord.com/a pi", "no blanks"),
        ("DISCORD_API_BASE", "https://discord.com/api\x00", "plain characters"),
        ("DISCORD_API_BASE", "https://discord.com/api/v{number}", "no braces but {version}"),
        ("DISCORD_API_BASE", "https://discord.com/x/../api", ". or .. in its path"),
        ("DISCORD_API_BASE", "https://discord.com/%2e%2e/api", ". or .. in its path"),
        ("DISCORD_API_BASE", "https://discord..com/api", "the name or the address of a host"),
    ],
)
def test_a_url_that_cannot_work_is_refused_with_what_it_must_be(variable: str, value: str, detail: str) -> None:
    problems = problems_of({variable: value})
    assert list(problems) == [variable]
    assert detail in problems[variable]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://u:p%40%23@h:5433/d?sslmode=verify-full&sslrootcert=/ca.pem"),
        ("DATABASE_URL", "postgres://u@/d?host=/run/postgresql&port=5433"),
        ("DATABASE_URL", "postgresql://u@[::1]/d"),
        ("REDIS_URL", "redis://:hidden%20pw@h:6379/15"),
        ("REDIS_URL", "redis://h"),
        ("REDIS_URL", "rediss://u:p@h?ssl_ca_certs=/ca.pem&db=1"),
        ("REDIS_URL", "unix:///run/redis/redis.sock?db=2"),
    ],
)
def test_a_url_that_works_is_kept(variable: str, value: str) -> None:
    settings = load({variable: value})
    kept = settings.database.url if variable == "DATABASE_URL" else settings.limits.redis_url
    assert kept is not None
    assert kept.get_secret_value() == value

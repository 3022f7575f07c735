import argparse
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config import DatabaseSettings
from services.clients import commands
from tests.support.programs import free_port


def run(url: str, *words: str) -> int:
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    return commands.run(parser.parse_args(words), DatabaseSettings.model_validate({"url": url}))


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_client_is_added_listed_and_revoked(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(database_url, "add", "one", "--scope", "roles", "--scope", "audit:read", "--json") == 0
    added = printed(capsys)
    assert added["client_id"] == "one"
    assert added["scopes"] == ["audit:read", "roles"]
    assert len(added["client_secret"]) >= 43

    assert run(database_url, "revoke", "one") == 0
    assert "one is revoked" in capsys.readouterr().out

    assert run(database_url, "list", "--json") == 0
    (listed,) = printed(capsys)
    assert listed["client_id"] == "one"
    assert listed["revoked_at"]
    assert added["client_secret"] not in str(listed)


def test_the_secret_is_shown_once_to_people_too(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sqlite_url, "list") == 0
    assert "No client is registered" in capsys.readouterr().out
    assert run(sqlite_url, "add", "one") == 0
    secret = capsys.readouterr().out.split("client_secret: ")[1].split()[0]
    assert run(sqlite_url, "list") == 0
    listing = capsys.readouterr().out
    assert "messages moderation reactions roles webhooks:send" in listing
    assert secret not in listing


def test_what_fails_is_said_on_stderr(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(sqlite_url, "add", "one")
    for words, reason in [
        (("add", "one"), "registered already"),
        (("revoke", "two"), "no client two"),
        (("rotate", "two"), "no client two"),
    ]:
        assert run(sqlite_url, *words) == 1
        assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("add",),
        ("add", "a b"),
        ("add", "one", "--scope", "everything"),
        ("rename",),
        ("add", "one", "--guild", "0"),
        ("add", "one", "--channel", "9223372036854775808"),
        ("add", "one", "--role", "x"),
        ("add", "one", "--quota", "0"),
        ("add", "one", "--quota", "1000001"),
        ("add", "one", "--expires", "2001-01-01"),
        ("add", "one", "--expires", "soon"),
        ("add", "one", "--expires", "0s"),
        ("rotate", "one", "--overlap", "31d"),
        ("rotate", "one", "--overlap", "1"),
    ],
)
def test_a_bad_command_line_ends_with_2(sqlite_url: str, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(sqlite_url, *words)
    assert ended.value.code == 2


def test_a_database_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(commands, "START_SECONDS", 0.1)
    assert run(f"postgresql://u:hunter2@127.0.0.1:{free_port()}/d", "list") == 1
    said = capsys.readouterr().err
    assert "cannot be used" in said
    assert "hunter2" not in said


def test_bounds_are_said_and_listed(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    bounds = ("--guild", "20", "--guild", "3", "--channel", "123", "--role", "7", "--quota", "60", "--expires", "90d")
    assert run(database_url, "add", "one", *bounds) == 0
    told = capsys.readouterr().out
    assert "guilds 3 20; channels 123; roles 7; 60 a minute\n" in told
    assert run(database_url, "list", "--json") == 0
    (listed,) = printed(capsys)
    assert f"{datetime.fromisoformat(listed['expires_at']):%Y-%m-%d %H:%M}" in told
    assert (listed["guilds"], listed["channels"], listed["roles"]) == (["3", "20"], ["123"], ["7"])
    assert (listed["quota_per_minute"], listed["state"], listed["last_used_at"]) == (60, "live", None)
    assert datetime.fromisoformat(listed["expires_at"]) > datetime.now(UTC) + timedelta(days=89)

    assert run(database_url, "list") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "guilds 3 20; channels 123; roles 7; 60 a minute" in line
    assert "never" in line


def test_a_rotated_secret_is_shown_once(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(sqlite_url, "add", "one")
    capsys.readouterr()
    assert run(sqlite_url, "rotate", "one", "--overlap", "2h", "--json") == 0
    rotated = printed(capsys)
    assert len(rotated["client_secret"]) >= 43
    assert run(sqlite_url, "rotate", "one", "--overlap", "0s") == 0
    assert "no longer good" in capsys.readouterr().out
    assert run(sqlite_url, "rotate", "one") == 0
    capsys.readouterr()
    assert run(sqlite_url, "list") == 0
    listing = capsys.readouterr().out
    assert "older secret until" in listing
    assert rotated["client_secret"] not in listing


def test_a_time_can_be_said_instead_of_a_duration(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(sqlite_url, "add", "one", "--expires", "2126-01-31T12:00")
    capsys.readouterr()
    run(sqlite_url, "list", "--json")
    (listed,) = printed(capsys)
    assert listed["expires_at"] == "2126-01-31T12:00:00+00:00"

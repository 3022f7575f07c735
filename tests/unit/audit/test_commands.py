"""`app.py audit`, as processes of their own: output, exit codes, pipes."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from config import ROOT, DatabaseSettings
from services.audit import commands
from services.ports import Verdict
from tests.support.postgres import PostgresServer
from tests.support.programs import free_port
from tests.support.record import DELIVERED, REJECTED, entry, open_record

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECONDS = 30


async def put(url: str, *rows: tuple[dict[str, Any], Verdict]) -> None:
    async with open_record(url) as record:
        for number, (fields, verdict) in enumerate(rows):
            await record.put(entry(**{"created_at": NOON + timedelta(minutes=number)} | fields), verdict)
        assert await record.writer.drained(10)


def command(*words: str) -> list[str]:
    return [sys.executable, str(ROOT / "tests/support/command.py"), "audit", *words]


def environment(url: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", "DATABASE_URL": url, "LANG": "C"}


def audit(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), env=environment(url), capture_output=True, timeout=SECONDS, check=False, encoding="utf-8"
    )


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def request_ids(text: str) -> list[str]:
    return [row["request_id"] for row in objects(text)]


async def test_tail_shows_the_newest_rows_in_columns(database_url: str) -> None:
    await put(
        database_url,
        ({"client_id": "first"}, DELIVERED),
        ({"action_type": "ban_user", "guild_id": "1", "user_id": "2", "channel_id": None}, REJECTED),
        ({"client_id": "évil\x1b[2J\u202e"}, DELIVERED),
    )
    shown = audit(database_url, "tail", "-n", "2")
    assert (shown.returncode, shown.stderr) == (0, "")
    heading, ban, evil = shown.stdout.splitlines()
    assert heading.startswith("time (UTC)")
    for part in ("2026-01-01 12:01:00", "ban_user", "rejected", "guild 1 user 2", "discord_unknown_channel"):
        assert part in ban
    assert r"évil\x1b[2J\u202e" in evil


FILTERS: list[tuple[Sequence[str], list[str]]] = [
    ((), ["0", "1", "2", "3"]),
    (("--action", "ban_user"), ["1"]),
    (("--guild", "1"), ["1"]),
    (("--channel", "9"), ["2"]),
    (("--user", "2"), ["1"]),
    (("--client", "panel"), ["3"]),
    (("--outcome", "rejected"), ["1", "2"]),
    (("--error-code", "discord_unknown_channel", "--channel", "9"), ["2"]),
    (("--success",), ["0", "3"]),
    (("--failed",), ["1", "2"]),
    (("--since", "2026-01-01T12:01Z", "--until", "2026-01-01T12:03"), ["1", "2"]),
    (("--since", "7d"), []),
]


@pytest.mark.parametrize("name", ["tail", "export"])
def test_tail_and_export_take_the_same_filters(
    sqlite_url: str, capsysbinary: pytest.CaptureFixture[bytes], name: str
) -> None:
    ban = {"action_type": "ban_user", "guild_id": "1", "user_id": "2", "channel_id": None}
    rows: list[tuple[dict[str, Any], Verdict]] = [
        ({"request_id": "0"}, DELIVERED),
        ({"request_id": "1", **ban}, REJECTED),
        ({"request_id": "2", "channel_id": "9"}, REJECTED),
        ({"request_id": "3", "client_id": "panel"}, DELIVERED),
    ]
    asyncio.run(put(sqlite_url, *rows))
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    settings = DatabaseSettings.model_validate({"url": sqlite_url})
    for words, expected in FILTERS:
        asked = parser.parse_args([name, *words, *(["--json"] if name == "tail" else [])])
        assert commands.run(asked, settings) == 0
        assert request_ids(capsysbinary.readouterr().out.decode()) == expected, words


def test_of_more_rows_tail_takes_the_newest_and_export_the_oldest(sqlite_url: str) -> None:
    asyncio.run(put(sqlite_url, *[({"request_id": str(number)}, DELIVERED) for number in range(5)]))
    assert request_ids(audit(sqlite_url, "tail", "--json", "--limit", "2").stdout) == ["3", "4"]
    assert request_ids(audit(sqlite_url, "export", "--limit", "2").stdout) == ["0", "1"]


async def test_show_prints_one_row(database_url: str) -> None:
    await put(database_url, ({"action_id": "0199b2c5-3f7a-7c43-9d1e-5b8f0a2c4d6e"}, REJECTED))
    shown = audit(database_url, "show", "0199b2c5-3f7a-7c43-9d1e-5b8f0a2c4d6e")
    assert shown.returncode == 0
    for line in (
        "action_type:     send_message",
        "idempotency_key: -",
        "outcome:         rejected",
    ):
        assert line in shown.stdout.splitlines()
    assert '\n  "content": "hello"' in shown.stdout
    as_json = audit(database_url, "show", "0199b2c5-3f7a-7c43-9d1e-5b8f0a2c4d6e", "--json")
    assert json.loads(as_json.stdout)["error_code"] == "discord_unknown_channel"
    missing = audit(database_url, "show", "nothing")
    assert (missing.returncode, missing.stdout, missing.stderr) == (1, "", "There is no action with this id.\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "required"),
        (("tail", "--limit", "0"), "at least 1"),
        (("tail", "--limit", "10001"), "at most 10000"),
        (("export", "--outcome", "failed"), "--outcome"),
        (("export", "--error-code", "x"), "--error-code"),
        (("export", "--guild", "x"), "must be a Discord id"),
        (("tail", "--action", "x"), "must be one of"),
        (("tail", "--since", "yesterday"), "ISO 8601"),
        (("tail", "--success", "--failed"), "not allowed"),
        (("tail", "--since", "2026-01-02", "--until", "2026-01-01"), "--until must be later than since"),
    ],
)
def test_a_bad_command_line_ends_with_2_and_says_why(sqlite_url: str, words: Sequence[str], told: str) -> None:
    ended = audit(sqlite_url, *words)
    assert ended.returncode == 2
    assert told in ended.stderr


def test_no_database_is_said_and_none_is_made(sqlite_url: str) -> None:
    ended = audit(sqlite_url, "tail")
    assert ended.returncode == 1
    assert "There is no database at" in ended.stderr
    away = audit(f"postgresql://u:hunter2@127.0.0.1:{free_port()}/d", "export")
    assert away.returncode == 1
    assert "Connection refused" in away.stderr
    assert "hunter2" not in away.stderr
    assert "Traceback" not in away.stderr


def test_a_bad_configuration_ends_with_2() -> None:
    assert audit("mysql://x", "tail").returncode == 2


async def test_a_reader_that_may_only_select_is_enough(postgres_server: PostgresServer, postgres_url: str) -> None:
    await put(postgres_url, ({}, DELIVERED))
    role = f"auditor_{uuid4().hex[:8]}"
    grants = f"GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON discord_actions TO {role}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN; {grants}", postgres_url.rpartition("/")[2])
    shown = audit(postgres_url.replace("postgres@", f"{role}@"), "tail", "--json")
    assert (shown.returncode, len(objects(shown.stdout))) == (0, 1), shown.stderr


@pytest.mark.parametrize("words", [("export",), ("tail", "-n", "5000")])
def test_a_pipe_that_closes_is_quiet(sqlite_url: str, words: Sequence[str]) -> None:
    asyncio.run(put(sqlite_url, *[({"request_data": {"content": "x" * 500}}, DELIVERED)] * 2000))
    with subprocess.Popen(
        command(*words), env=environment(sqlite_url), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(SECONDS) == 141


async def test_follow_goes_on_until_it_is_interrupted(database_url: str) -> None:
    await put(database_url, ({"request_id": "before"}, DELIVERED), ({"channel_id": "9"}, DELIVERED))
    process = await asyncio.create_subprocess_exec(
        *command("tail", "--follow", "--json", "--channel", "123"),
        env=environment(database_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(SECONDS):
            assert request_ids((await process.stdout.readline()).decode()) == ["before"]
            await put(
                database_url,
                ({"request_id": "elsewhere", "channel_id": "9"}, DELIVERED),
                ({"request_id": "a"}, DELIVERED),
            )
            assert request_ids((await process.stdout.readline()).decode()) == ["a"]
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            assert await process.stderr.read() == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

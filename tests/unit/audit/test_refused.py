"""Rows that the database would not take: on disk with the reason, through a restart, and listed."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import ROOT
from services.audit import refused
from services.telemetry import Metrics
from tests.support.record import entry, eventually, open_record

REFUSES_13 = "ALTER TABLE discord_actions ADD CONSTRAINT no_13 CHECK (channel_id <> '13')"
SECONDS = 30


async def refuse(url: str, root: Path, number: int) -> list[str]:
    """Has so many rows refused; their ids."""
    entries = [entry(channel_id="13", request_data={"content": f"{one} ä👋\u2028\x1b[31m"}) for one in range(number)]
    async with open_record(url, root) as record:
        await record.database.writer.run(lambda s: s.execute("DELETE FROM discord_actions"), 5)
        await record.database.writer.run(
            lambda s: s.execute("ALTER TABLE discord_actions DROP CONSTRAINT IF EXISTS no_13"), 5
        )
        await record.database.writer.run(lambda s: s.execute(REFUSES_13), 5)
        for one in entries:
            await record.put(one)
        await record.put(entry())
        assert await record.writer.drained(10)
        assert await record.count() == (1, 1)
    return [one.action_id for one in entries]


def kept(root: Path) -> list[str]:
    return [str(row["row"]["action_id"]) for row in refused.refused_rows(root)]


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONWARNINGS": "error", "JOURNAL_DIR": str(root), "LANG": "C"}
    asked = [sys.executable, str(ROOT / "tests/support/command.py"), "audit", "refused", *words]
    return subprocess.run(
        asked, env=environment, capture_output=True, timeout=SECONDS, check=False, encoding="utf-8", cwd="/"
    )


async def test_refused_rows_survive_a_restart_and_are_shown(postgres_url: str, tmp_path: Path) -> None:
    root, metrics = tmp_path / "journal", Metrics("module", "1")
    ids = await refuse(postgres_url, root, 3)
    async with open_record(postgres_url, root, metrics=metrics) as record:
        await eventually(lambda: record.writer.health().refused == 3)
        assert record.writer.health().is_writable
        assert "3 rows were refused" in record.writer.health().detail
        [gauge] = [
            family
            for family in text_string_to_metric_families(metrics.render().decode())
            if family.name == "discord_action_audit_refused_kept_rows"
        ]
        assert gauge.samples[0].value == 3
    assert [path.name for path in root.iterdir()] == [refused.FILE]
    listed = command(root, "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    found = [json.loads(line) for line in listed.stdout.split("\n") if line]
    assert [row["row"]["action_id"] for row in found] == ids
    assert all("no_13" in row["reason"] and row["refused_at"] for row in found)
    assert found[0]["row"]["request_data"] == {"content": "0 ä👋\u2028\x1b[31m"}
    told = command(root)
    assert [ids[number] in line for number, line in enumerate(told.stdout.splitlines())] == [True] * 3
    assert "\x1b" not in told.stdout


async def test_a_file_that_was_moved_away_is_no_trouble_any_more(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "LOOK_SECONDS", 0.05)
    await refuse(postgres_url, tmp_path, 1)
    async with open_record(postgres_url, tmp_path) as record:
        await eventually(lambda: bool(record.writer.health().detail))
        (tmp_path / refused.FILE).rename(tmp_path / "looked-into")
        await eventually(lambda: not record.writer.health().detail)


async def test_the_file_has_a_bound_and_the_log_has_the_rest(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(refused, "MOST_BYTES", 2000)
    ids = await refuse(postgres_url, tmp_path, 6)
    whole = (tmp_path / refused.FILE).stat().st_size
    assert 1000 < whole <= 2000
    assert kept(tmp_path) == ids[: len(kept(tmp_path))]
    assert 0 < len(kept(tmp_path)) < 6
    said = [line.getMessage() for line in caplog.records if line.levelno == logging.ERROR]
    assert said.count("the database refused this row") == 6
    assert said.count("a refused row is in the log alone") == 6 - len(kept(tmp_path))


async def test_a_line_that_was_cut_off_costs_nobody_else(postgres_url: str, tmp_path: Path) -> None:
    first = await refuse(postgres_url, tmp_path, 2)
    with (tmp_path / refused.FILE).open("r+b") as file:
        file.truncate((tmp_path / refused.FILE).stat().st_size - 10)
    assert kept(tmp_path) == first[:1]
    second = await refuse(postgres_url, tmp_path, 1)
    assert kept(tmp_path) == [first[0], *second]


def test_where_nothing_was_refused_the_list_is_empty(tmp_path: Path) -> None:
    listed = command(tmp_path / "nowhere")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "No row was refused" in listed.stderr
    (tmp_path / refused.FILE).mkdir()
    assert command(tmp_path).returncode == 1

from pathlib import Path

import pytest

from config import ROOT
from tools import env_example, metrics_table, stubs


def test_the_example_of_the_settings_is_current() -> None:
    assert env_example.TARGET.read_text() == env_example.text()


def test_the_table_of_metrics_is_current() -> None:
    assert metrics_table.TARGET.read_text() == metrics_table.text(), "python -m tools.metrics_table --write"


def test_the_committed_stubs_are_what_the_proto_file_gives() -> None:
    assert stubs.stale() == []


def test_a_stale_stub_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def compile_nothing(folder: Path) -> None:
        for name in stubs.STUBS:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("")

    monkeypatch.setattr(stubs, "make", compile_nothing)
    assert stubs.stale() == list(stubs.STUBS)


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_pins_every_package_with_hashes_and_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(entries) > 20
    assert all("==" in entry and entry.endswith("\\") for entry in entries)
    assert "--hash=sha256:" in text
    assert [place for place in ("://", "--index-url", "--find-links", "file:") if place in text] == []


def test_the_two_locks_agree() -> None:
    def pins(lock: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / lock).read_text().splitlines() if line[:1].isalnum()}

    assert pins("requirements.txt") <= pins("requirements-dev.txt")

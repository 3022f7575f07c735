"""The scan for secrets finds what is planted, and knows what is listed."""

import json
from pathlib import Path

import pytest

from tools import secret_scan

# Joined here, so that this file holds none of them.
PLANTED = {
    "services/keys.py": ('AWS = "{}"', "AKIA" + "Z7QX4MNP2LKJ8RTV"),
    "tests/test_bot.py": ('BOT = "{}"', "MTA0MTk5MjQ4NjE2MTAyNTA0" + ".GabcdE." + "k3fH7xQ2mN9pLs5vB8wT4yR6zC1dJ0aE"),
    "deploy/key.pem": ("{}\nMIIEpAIBAAKCAQEA\n", "-----BEGIN RSA " + "PRIVATE KEY-----"),
    "config/settings.yaml": ("password: {}", "hunter2hunter" + "Qz81xk"),
    "README.md": ("postgresql://bot:{}@db/actions", "s3cr3tPass" + "w0rdXY"),
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(secret_scan, "ROOT", tmp_path)
    monkeypatch.setattr(secret_scan, "BASELINE", tmp_path / ".secrets.baseline")
    (tmp_path / ".secrets.baseline").write_text("[]")
    return tmp_path


def plant(repository: Path, name: str) -> None:
    template, secret = PLANTED[name]
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"first line\n{template.format(secret)}\n")


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_fails_the_check(name: str, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(repository, name)
    assert secret_scan.main([]) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"{name}:2: ")
    assert PLANTED[name][1] not in said


def test_what_is_listed_is_known_and_what_comes_beside_it_is_not(repository: Path) -> None:
    plant(repository, "services/keys.py")
    assert secret_scan.main(["--write"]) == 0
    assert secret_scan.main([]) == 0
    assert PLANTED["services/keys.py"][1] not in (repository / ".secrets.baseline").read_text()
    plant(repository, "README.md")
    assert secret_scan.main([]) == 1


def test_a_repository_without_secrets_passes(repository: Path) -> None:
    (repository / "a.py").write_text('NAME = "discord"\n')
    assert secret_scan.main([]) == 0


def test_the_list_names_only_files_that_there_are() -> None:
    listed = {name for name, _, _ in json.loads(secret_scan.BASELINE.read_text())}
    assert [name for name in listed if not (secret_scan.ROOT / name).is_file()] == []

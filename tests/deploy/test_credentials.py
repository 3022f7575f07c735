"""The passwords that the containers of the compose file show each other."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from config import ROOT

NAMES = {"database_url", "postgres_password", "redis_password", "redis_url", "valkey.conf"}


def made_in(folder: Path) -> dict[str, str]:
    subprocess.run(["sh", ROOT / "deploy" / "credentials.sh", folder], check=True, timeout=10)
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_they_are_made_once(tmp_path: Path) -> None:
    first = made_in(tmp_path)
    assert first.keys() == NAMES
    assert made_in(tmp_path) == first


def test_no_two_installations_have_the_same(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    first, second = made_in(one), made_in(other)
    assert all(first[name] != second[name] for name in NAMES)
    assert len({first["postgres_password"], first["redis_password"]}) == 2


def test_the_urls_hold_the_passwords(tmp_path: Path) -> None:
    made = made_in(tmp_path)
    database, redis = urlsplit(made["database_url"].strip()), urlsplit(made["redis_url"].strip())
    assert database.password == made["postgres_password"]
    assert redis.password == made["redis_password"]
    assert made["valkey.conf"] == f"requirepass {made['redis_password']}\n"
    assert len(made["postgres_password"]) == 48


def test_the_names_in_the_urls_are_those_of_the_compose_file(tmp_path: Path) -> None:
    from tests.deploy.files import compose

    services = compose()["services"]
    made = made_in(tmp_path)
    database, redis = urlsplit(made["database_url"].strip()), urlsplit(made["redis_url"].strip())
    assert (database.hostname, redis.hostname) == ("postgres", "valkey")
    assert {"postgres", "valkey"} <= services.keys()
    assert database.username == services["postgres"]["environment"]["POSTGRES_USER"]
    assert database.path == f"/{services['postgres']['environment']['POSTGRES_DB']}"

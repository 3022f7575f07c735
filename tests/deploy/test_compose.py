"""The compose file keeps to the schema of compose files, says what was promised, and fits the settings."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from config import ROOT, Settings, variables
from tests.deploy.files import SANDBOX_ENV, Document, compose, env_file
from tests.support.module import KEY

SCHEMA = Path(__file__).parent / "vendor" / "compose_spec" / "compose-spec.json"
RECORD_MARGIN_SECONDS = 10
"""What the record may take at a stop after the grace: two seconds to ship, and the hand-over; the rest is room."""

every_service = pytest.mark.parametrize("service", compose()["services"].values(), ids=list(compose()["services"]))


@pytest.fixture
def module() -> Document:
    found: Document = compose()["services"]["discord-action"]
    return found


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def interpolated(value: str, given: dict[str, str]) -> str:
    """A value as compose would read it; of its forms, those that the file uses."""

    def replace(found: re.Match[str]) -> str:
        name, default = found[1], found[3] or ""
        if found[2] == ":?":
            assert given.get(name), default
        return given.get(name) or (default if found[2] == ":-" else "")

    return re.sub(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}", replace, value)


def test_it_keeps_to_the_schema() -> None:
    validator = Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(compose())] == []


def test_the_schema_notices_a_word_it_does_not_know() -> None:
    wrong = compose()
    wrong["services"]["postgres"]["helthcheck"] = {}
    assert not Draft7Validator(json.loads(SCHEMA.read_text())).is_valid(wrong)


@every_service
def test_a_service_may_do_no_more_than_it_must(service: Document) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True


@every_service
def test_a_service_cannot_take_the_whole_machine(service: Document) -> None:
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@every_service
def test_a_port_is_open_to_this_machine_alone_unless_asked_otherwise(service: Document) -> None:
    for port in service.get("ports", []):
        assert interpolated(port, {}).startswith("127.0.0.1:")


@every_service
def test_volumes_are_named_or_files_of_the_repository(service: Document) -> None:
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in compose()["volumes"] or (source.startswith("./deploy/") and (ROOT / source).exists())


def test_the_module_starts_after_what_it_needs(module: Document) -> None:
    assert module["depends_on"] == {
        "credentials": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "valkey": {"condition": "service_healthy"},
    }
    assert {"healthcheck"} <= compose()["services"]["postgres"].keys() & compose()["services"]["valkey"].keys()


def test_the_ports_are_the_usual_ones_and_the_alias_is_there(module: Document) -> None:
    assert [interpolated(port, {}) for port in module["ports"]] == ["127.0.0.1:50051:50051", "127.0.0.1:8070:8070"]
    assert module["networks"]["front"]["aliases"] == ["discord-action"]


def test_the_servers_of_data_are_reached_by_the_module_alone() -> None:
    services = compose()["services"]
    inside = {name for name, service in services.items() if "back" in service.get("networks", [])}
    assert inside == {"discord-action", "postgres", "valkey"}
    assert compose()["networks"]["back"]["internal"] is True
    assert all("ports" not in services[name] for name in ("postgres", "valkey"))


def test_the_profiles_add_what_they_are_named_after() -> None:
    profiles = {name: service.get("profiles", []) for name, service in compose()["services"].items()}
    assert [name for name, needed in profiles.items() if needed == ["sandbox"]] == ["sandbox"]
    assert [name for name, needed in profiles.items() if needed == ["observe"]] == ["prometheus", "grafana"]
    assert profiles["discord-action"] == profiles["postgres"] == profiles["valkey"] == profiles["credentials"] == []


def test_redis_refuses_writes_rather_than_forget_and_keeps_what_it_has_on_disk() -> None:
    command = compose()["services"]["valkey"]["command"]
    options = dict(zip(command[2::2], command[3::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--appendonly"] == "yes"
    limit = compose()["services"]["valkey"]["deploy"]["resources"]["limits"]["memory"]
    assert int(options["--maxmemory"].removesuffix("mb")) < int(limit.removesuffix("M"))


def test_a_stop_has_the_time_it_may_take(module: Document) -> None:
    environment = module["environment"]
    needed = float(environment["SHUTDOWN_PAUSE"]) + float(environment["SHUTDOWN_GRACE"]) + RECORD_MARGIN_SECONDS
    assert needed <= seconds(module["stop_grace_period"]) <= needed + RECORD_MARGIN_SECONDS


# ── the settings ──


def test_every_variable_is_one_that_the_module_reads(module: Document) -> None:
    known = {each.name for each in variables()} | {f"{each.name}_FILE" for each in variables() if each.is_secret}
    assert module["environment"].keys() - known == set()
    assert env_file(SANDBOX_ENV.read_text()).keys() - known == set()


@pytest.mark.parametrize("is_sandbox", [False, True], ids=["Discord", "the sandbox"])
def test_the_example_with_two_values_is_a_complete_configuration(module: Document, is_sandbox: bool) -> None:
    given = env_file((ROOT / ".env.example").read_text()) | {"MODULE_SECRET_KEY": KEY}
    given |= env_file(SANDBOX_ENV.read_text()) if is_sandbox else {"DISCORD_BOT_TOKEN": "a.bot.token-of-some-length"}
    environ = {name: interpolated(value, given) for name, value in module["environment"].items()}
    assert environ.pop("DATABASE_URL_FILE").startswith("/run/credentials/")
    assert environ.pop("REDIS_URL_FILE").startswith("/run/credentials/")
    environ |= {"DATABASE_URL": "postgresql://u:p@postgres:5432/discord_actions", "REDIS_URL": "redis://valkey:6379/0"}
    settings = Settings.load(env_file=None, environ=environ)
    assert settings.discord.api_base == ("http://sandbox:8075/api/v10" if is_sandbox else "https://discord.com/api/v10")
    assert str(settings.record.journal_dir) == "/var/log/waddlebotlog/journal"
    assert settings.logs.directory is None


@pytest.mark.parametrize("missing", ["DISCORD_BOT_TOKEN", "MODULE_SECRET_KEY"])
def test_what_is_not_filled_in_is_asked_for(module: Document, missing: str) -> None:
    assert module["environment"][missing].startswith(f"${{{missing}:?")

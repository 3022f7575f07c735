"""The compose file, brought up as its first lines say: against the sandbox, with one value filled in."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import aiohttp
import pytest

from config import ROOT
from tests.container.callers import Callers
from tests.container.container import Container
from tests.container.engine import Engine
from tests.container.workshop import COMPOSE, PROMETHEUS
from tests.prove.evidence import keep
from tests.support.module import KEY

SOCKET_WITHIN_SECONDS = 30.0
COMMAND_SECONDS = 60
HEALTH_PAUSE_SECONDS = 0.3
SCRAPED_WITHIN_SECONDS = 45.0
PASSWORDS = ("postgres_password", "redis_password")
LIKE_SANDBOX = ("--env-file", ".env", "--env-file", "deploy/sandbox.env", "--profile", "sandbox")


@dataclass(frozen=True, slots=True)
class System:
    """A copy of the repository's files, and docker-compose beside it."""

    engine: Engine
    project: str
    folder: Path
    environment: dict[str, str] = field(repr=False)

    def __call__(self, *arguments: str, **variables: str) -> str:
        """Runs docker-compose with the sandbox's values and gives what it printed."""
        command = [str(COMPOSE), "--project-name", self.project, *LIKE_SANDBOX, *arguments]
        environment = {**os.environ, **self.environment, **variables}
        with subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=PIPE, stderr=STDOUT, text=True
        ) as process:
            try:
                said, _ = process.communicate(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                said, _ = process.communicate()
        assert process.returncode == 0, f"{command}: {said}{self.logs()}"
        return said

    def up(self, *options: str, **variables: str) -> None:
        """Starts everything and waits until every module says that it is ready."""
        self("up", "--detach", "--no-build", *options, **variables)
        for each in self.containers("discord-action"):
            Container(self.engine, str(each["Id"])).becomes_healthy()

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """What the engine knows of the project's containers, of all or of one service."""
        labels = [f"label=com.docker.compose.project={self.project}"]
        labels += [f"label=com.docker.compose.service={service}"] if service else []
        names = self.engine("ps", "--all", "--quiet", *(word for each in labels for word in ("--filter", each)))
        return [self.engine.inspect("container", name) for name in names.split()]

    def name(self, service: str) -> str:
        """The container of a service."""
        (only,) = self.containers(service)
        return str(only["Name"]).lstrip("/")

    def logs(self) -> str:
        return "\n".join(f"== {each['Name']}\n{self.engine.said_by(each['Id'])[-1500:]}" for each in self.containers())


@contextmanager
def socket_of(engine: Engine, folder: Path) -> Iterator[dict[str, str]]:
    """Where docker-compose finds the engine: podman answers as Docker would, on a socket of its own."""
    if not engine.is_podman:
        yield {}
        return
    address = f"unix://{folder}/podman.sock"
    command = ["podman", "system", "service", "--time", "0", address]
    with subprocess.Popen(command, env=engine.variables, stderr=subprocess.DEVNULL) as service:
        until = time.monotonic() + SOCKET_WITHIN_SECONDS
        while not (folder / "podman.sock").exists() and time.monotonic() < until:
            time.sleep(0.05)
        try:
            yield {"DOCKER_HOST": address}
        finally:
            service.terminate()


@contextmanager
def health_asked(system: System) -> Iterator[None]:
    """Runs the health checks: podman leaves that to systemd, which is not everywhere."""
    ended = threading.Event()

    def ask() -> None:
        while system.engine.is_podman and not ended.wait(HEALTH_PAUSE_SECONDS):
            running = system.engine("ps", "--quiet", "--filter", f"label=com.docker.compose.project={system.project}")
            for name in running.split():
                system.engine.has("healthcheck", "run", name)

    asking = threading.Thread(target=ask, name="health")
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()


@pytest.fixture(scope="module")
def system(engine: Engine, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system, up and healthy."""
    folder = tmp_path_factory.mktemp("compose")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    example = (ROOT / ".env.example").read_text()
    (folder / ".env").write_text(re.sub(r"(?m)^MODULE_SECRET_KEY=$", f"MODULE_SECRET_KEY={KEY}", example))
    with socket_of(engine, folder) as environment:
        system = System(engine, prefix, folder, environment)
        with health_asked(system):
            try:
                began = time.monotonic()
                system.up()
                seconds = round(time.monotonic() - began, 1)
                keep("docker-compose up, until everything is healthy", "a figure", seconds=seconds)
                yield system
            finally:
                system("down", "--volumes", "--timeout", "10")


@pytest.fixture
def callers(system: System) -> Callers:
    return Callers(8070, 50051, "localhost")


def test_docker_compose_finds_nothing_wrong_with_any_part(system: System) -> None:
    services = system("--profile", "observe", "config", "--services").split()
    assert {"prometheus", "grafana", "sandbox"} <= set(services)


def test_what_is_not_filled_in_is_asked_for(system: System) -> None:
    command = [str(COMPOSE), "--project-name", system.project, "config", "--quiet"]
    done = subprocess.run(command, cwd=system.folder, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "DISCORD_BOT_TOKEN" in done.stderr


def test_the_smoke_test_of_an_operator_passes(system: System) -> None:
    command = [sys.executable, str(ROOT / "test_api.py"), "--secret-key", KEY, "--test", "health"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_curl_is_answered_as_the_first_lines_of_the_file_say(system: System, callers: Callers) -> None:
    status, said = await callers.health()
    assert (status, said["status"]) == (200, "healthy")
    assert said["checks"]["limits"] == {"ok": True}


async def test_an_action_on_each_protocol_ends_in_postgresql(system: System, callers: Callers) -> None:
    by_rest, by_grpc = await callers.post("from compose"), await callers.send("and once more")
    for action_id in (by_rest["action_id"], by_grpc.action_id):
        await callers.row(action_id)
    sql = f"SELECT outcome FROM discord_actions WHERE action_id IN ('{by_rest['action_id']}', '{by_grpc.action_id}')"  # noqa: S608 -- our own ids
    query = ("psql", "--tuples-only", "--no-align")
    place = ("--username=discord_action", "--dbname=discord_actions", "--command", sql)
    found = system.engine("exec", system.name("postgres"), *query, *place)
    assert found.split() == ["delivered", "delivered"]


def runbook() -> list[str]:
    """The module's commands of docs/operations.md that ask and change nothing, and need nothing filled in."""
    text = (ROOT / "docs" / "operations.md").read_text()
    found = re.findall(r"`\.venv/bin/python (app\.py (?:limits|audit (?:tail|refused)|check-config)[^`>]*)`", text)
    return sorted(set(found))


def test_every_question_of_the_runbook_is_answered_in_the_container(system: System) -> None:
    assert len(runbook()) >= 6
    for command in runbook():
        assert system("exec", "-T", "discord-action", "python", *command.split())


def test_the_database_is_asked_and_dumped_as_the_runbook_says(system: System) -> None:
    place = ("-U", "discord_action", "discord_actions")
    assert "discord_actions" in system("exec", "-T", "postgres", "psql", *place, "--command", "\\dt")
    assert "CREATE TABLE public.discord_actions" in system("exec", "-T", "postgres", "pg_dump", *place)


def test_every_container_is_as_hardened_as_the_file_says(system: System) -> None:
    for each in system.containers():
        host = each["HostConfig"]
        assert host["ReadonlyRootfs"], each["Name"]
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
        assert not each.get("EffectiveCaps"), each["Name"]
        assert any("no-new-privileges" in option for option in host["SecurityOpt"])


def test_no_password_is_in_an_environment(system: System) -> None:
    made = {name: system.engine("exec", system.name("valkey"), "cat", f"/run/credentials/{name}") for name in PASSWORDS}
    shown = json.dumps(
        [[each["Config"]["Env"], each["Config"].get("Cmd"), each["Args"]] for each in system.containers()]
    )
    assert len(set(made.values())) == len(PASSWORDS)
    assert [name for name, password in made.items() if password in shown] == []


def test_the_servers_of_data_cannot_reach_the_world(system: System) -> None:
    network = system.engine.inspect("network", f"{system.project}_back")
    assert network.get("internal", network.get("Internal")) is True


async def test_it_comes_back_with_what_it_had(system: System, callers: Callers) -> None:
    action_id = (await callers.post("before the night"))["action_id"]
    await callers.row(action_id)
    await asyncio.to_thread(system, "stop", "discord-action")
    assert [each["State"]["ExitCode"] for each in system.containers("discord-action")] == [0]
    await asyncio.to_thread(system, "down", "--timeout", "30")
    await asyncio.to_thread(system.up)
    assert (await callers.row(action_id))["outcome"] == "delivered"


async def test_three_replicas_take_free_ports_and_share_name_and_limits(system: System) -> None:
    await asyncio.to_thread(lambda: system.up("--scale", "discord-action=3", REST_PORT="0", GRPC_PORT="0"))
    replicas = [Container(system.engine, str(each["Id"])) for each in system.containers("discord-action")]
    assert len({each.published(8070) for each in replicas}) == 3
    for each in replicas:
        callers = Callers(each.published(8070), each.published(50051))
        assert (await callers.post("from one of three"))["success"]
        assert (await callers.send("from one of three")).success
        _, said = await callers.health()
        assert said["checks"]["limits"] == {"ok": True}
    program = "import json, socket; print(json.dumps(socket.gethostbyname_ex('discord-action')[2]))"
    assert len(replicas[0].python(program)) >= 3


async def test_prometheus_finds_every_replica_by_their_name_and_has_the_rules(system: System) -> None:
    """The profile `observe` without Grafana, of which there is no stand-in. It comes after the three replicas."""
    if system.engine.is_podman and not system.engine.has("image", "exists", PROMETHEUS):
        pytest.skip("NOT PROVEN: no Prometheus is here that could stand in (Debian: apt install prometheus)")
    await asyncio.to_thread(system, "--profile", "observe", "up", "--detach", "--no-build", "--no-deps", "prometheus")
    asked = time.monotonic()
    found: list[str] = []
    while len(found) < 3 and time.monotonic() - asked < SCRAPED_WITHIN_SECONDS:
        await asyncio.sleep(0.5)
        found = [each["labels"]["instance"] for each in await of_prometheus("targets", "activeTargets") if is_up(each)]
    assert sorted(found) == sorted(f"{address}:8070" for address in addresses(system)), system.logs()
    groups = await of_prometheus("rules", "groups")
    assert [group["file"] for group in groups] == ["/etc/prometheus/alerts.yml"] * len(groups)
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}


async def of_prometheus(path: str, field: str) -> list[dict[str, Any]]:
    """What its API answers, nothing while it starts."""
    try:
        async with aiohttp.ClientSession("http://localhost:9090") as session, session.get(f"/api/v1/{path}") as answer:
            return list((await answer.json())["data"][field]) if answer.status == 200 else []
    except aiohttp.ClientError:
        return []


def is_up(target: dict[str, Any]) -> bool:
    return bool(target["health"] == "up")


def addresses(system: System) -> list[str]:
    """Those of the replicas in the network that Prometheus shares with them."""
    networks = [each["NetworkSettings"]["Networks"] for each in system.containers("discord-action")]
    return [each[f"{system.project}_front"]["IPAddress"] for each in networks]

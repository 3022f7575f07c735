"""The pods of the manifest, played by podman as they stand there: one replica each, and the Secret of an operator.

There is no cluster here, so what the cluster itself does (services, policies, scaling, probes in time) is not proven.
"""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
import yaml

from tests.container.callers import Callers
from tests.container.container import PATIENCE_SECONDS, Container
from tests.container.engine import Engine
from tests.container.workshop import POSTGRES
from tests.deploy.files import Document, manifest
from tests.deploy.files import pods as pods_of_the_manifest
from tests.support.module import KEY

MODULE_POD, REDIS_POD = "discord-action-pod-0", "discord-action-redis-pod-0"
PASSWORD = uuid4().hex
GRACE_SECONDS = 45


def playable() -> list[Document]:
    """What podman knows how to play, with one replica: it gives every pod the same port of the machine."""
    documents = [each for each in manifest() if each["kind"] in {"ConfigMap", "PersistentVolumeClaim", "Deployment"}]
    for each in documents:
        if each["kind"] == "Deployment":
            each["spec"]["replicas"] = 1
            # podman would run a probe inside the container, by curl, which is not there. They are asked from outside.
            for container in each["spec"]["template"]["spec"]["containers"]:
                for probe in ("startupProbe", "livenessProbe"):
                    container.pop(probe, None)
    return documents


def secret(version: int) -> Document:
    """The Secret as the README makes it. podman 4 keeps its values as they are written, later ones read base64."""
    values = {
        "DISCORD_BOT_TOKEN": "sandbox-bot-token",
        "MODULE_SECRET_KEY": KEY,
        "DATABASE_URL": f"postgresql://discord_action:{PASSWORD}@database:5432/discord_actions",
        "REDIS_PASSWORD": PASSWORD,
        "REDIS_URL": f"redis://:{PASSWORD}@{REDIS_POD}:6379/0",
    }
    field = "data" if version < 5 else "stringData"
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "discord-action-secrets"}, field: values}


@pytest.fixture(scope="module")
def database(engine: Engine, network: str, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The operator's PostgreSQL."""
    password = tmp_path_factory.mktemp("database") / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    password.parent.chmod(0o755)
    variables = {"USER": "discord_action", "DB": "discord_actions", "PASSWORD_FILE": "/run/password"}
    given = [word for name, value in variables.items() for word in ("--env", f"POSTGRES_{name}={value}")]
    place = ("--network", network, "--network-alias", "database", "--volume", f"{password}:/run/password:ro")
    container = Container.start(engine, f"{prefix}-database", POSTGRES, "--user", "70:70", *place, *given)
    yield
    container.remove()


@pytest.fixture(scope="module")
def pods(
    engine: Engine, network: str, sandbox: Container, database: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    """The module's container, once it is ready."""
    if not engine.is_podman:
        pytest.skip("podman alone plays a manifest")
    folder = tmp_path_factory.mktemp("manifest")
    played, secrets = folder / "manifest.yaml", folder / "secret.yaml"
    played.write_text(yaml.safe_dump_all([*towards_the_sandbox(playable())]))
    version = int(engine("version", "--format", "{{.Client.Version}}").partition(".")[0])
    secrets.write_text(yaml.safe_dump(secret(version)))
    engine("secret", "create", "discord-action-secrets", secrets)
    engine("play", "kube", "--network", network, played)
    try:
        yield becomes_ready(Container(engine, f"{MODULE_POD}-discord-action"))
    finally:
        engine("play", "kube", "--down", played)
        engine("secret", "rm", "discord-action-secrets")
        for volume in ("discord-action-redis", "discord-action-redis-config", "discord-action-secrets", "log"):
            engine.has("volume", "rm", volume)


def towards_the_sandbox(documents: list[Document]) -> list[Document]:
    """The same, with what an operator would add to the ConfigMap to try it without Discord."""
    for each in documents:
        if each["metadata"]["name"] == "discord-action-config":
            each["data"] |= {"DISCORD_API_BASE": "http://sandbox:8075/api/v10", "DISCORD_API_ALLOW_HTTP": "true"}
    return documents


def becomes_ready(container: Container) -> Container:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if container.engine.has("exec", container.name, "python", "-I", "-S", "healthcheck.py"):
            return container
        time.sleep(0.2)
    raise AssertionError(f"the pod is not ready:\n{container.log()}")


@pytest.fixture
def callers(pods: Container) -> Callers:
    return Callers(8070, 50051)


async def test_an_action_on_each_protocol_is_delivered_and_recorded(callers: Callers) -> None:
    by_rest, by_grpc = await callers.post("from a pod"), await callers.send("and once more")
    for action_id in (by_rest["action_id"], by_grpc.action_id):
        assert (await callers.row(action_id))["outcome"] == "delivered"


async def test_redis_is_reached_with_its_password(callers: Callers) -> None:
    status, said = await callers.health()
    assert (status, said["status"], said["checks"]["limits"]) == (200, "healthy", {"ok": True})


def test_the_readiness_of_redis_is_asked_as_the_manifest_asks_it(pods: Container) -> None:
    (container,) = pods_of_the_manifest()["discord-action-redis"]["containers"]
    pods.engine("exec", f"{REDIS_POD}-valkey", *container["readinessProbe"]["exec"]["command"])


def test_no_password_is_on_a_command_line(pods: Container) -> None:
    line = pods.engine("exec", f"{REDIS_POD}-valkey", "cat", "/proc/1/cmdline")
    assert "valkey-server" in line
    assert PASSWORD not in line


def test_the_pod_has_the_limits_and_the_rights_of_the_manifest(pods: Container) -> None:
    known = pods.inspect()
    assert known["HostConfig"]["ReadonlyRootfs"] is True
    assert known["HostConfig"]["Memory"] == 512 * 1024 * 1024
    assert known["HostConfig"]["NanoCpus"] == 500_000_000
    assert known["Config"]["User"] == "1000:1000"
    assert known["EffectiveCaps"] in ([], None)
    assert "no-new-privileges" in known["HostConfig"]["SecurityOpt"]


def test_the_module_writes_its_journal_and_nothing_else(pods: Container) -> None:
    kept = pods.python("import json, os; print(json.dumps(os.listdir('/var/log/waddlebotlog')))")
    assert kept == ["journal"]
    mounts = {mount["Destination"]: mount["RW"] for mount in pods.inspect()["Mounts"]}
    assert mounts == {"/var/log/waddlebotlog": True, "/run/secrets/discord-action": False}


def test_a_stop_ends_in_order_within_the_grace(pods: Container) -> None:
    """The last one: it takes the pod down."""
    assert pods.stop(GRACE_SECONDS) == 0
    assert pods.line("stopped")


def test_the_played_manifest_is_the_applied_one() -> None:
    kinds = {each["kind"] for each in manifest()} - {each["kind"] for each in playable()}
    assert kinds == {
        "Namespace",
        "ServiceAccount",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "NetworkPolicy",
    }

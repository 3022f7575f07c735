"""The manifest says what was promised, and its parts fit each other and the settings."""

import re

import pytest

from config import RELEASE, ROOT, Settings, variables
from services.database.database import MIGRATION_SECONDS
from tests.deploy.files import MANIFEST, Document, compose, manifest, objects, pods
from tests.support.module import KEY

MIB = 1024 * 1024
UNITS = {"Mi": MIB, "Gi": 1024 * MIB}
README = (ROOT / "README.md").read_text()
RECORD_MARGIN_SECONDS = 10
"""What the record may take at a stop after the grace: two seconds to ship, and the hand-over; the rest is room."""


@pytest.fixture
def deployment() -> Document:
    return objects("Deployment")["discord-action"]


@pytest.fixture
def pod() -> Document:
    return pods()["discord-action"]


@pytest.fixture
def container(pod: Document) -> Document:
    (only,) = pod["containers"]
    assert isinstance(only, dict)
    return only


@pytest.fixture
def settings() -> dict[str, str]:
    found: dict[str, str] = objects("ConfigMap")["discord-action-config"]["data"]
    return found


def in_bytes(quantity: str) -> int:
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


# ── what was promised ──


def test_everything_is_in_the_namespace() -> None:
    assert set(objects("Namespace")) == {"waddlebot"}
    assert {each["metadata"]["namespace"] for each in manifest() if each["kind"] != "Namespace"} == {"waddlebot"}


def test_the_services_have_their_names_and_ports() -> None:
    ports = {name: [port["port"] for port in each["spec"]["ports"]] for name, each in objects("Service").items()}
    assert ports == {
        "discord-action-grpc": [50051],
        "discord-action-grpc-headless": [50051],
        "discord-action-rest": [8070],
        "discord-action-redis": [6379],
    }
    assert objects("Service")["discord-action-grpc-headless"]["spec"]["clusterIP"] == "None"


def test_a_replica_has_the_sizes_promised(container: Document) -> None:
    requests, limits = container["resources"]["requests"], container["resources"]["limits"]
    assert (requests["memory"], requests["cpu"]) == ("256Mi", "250m")
    assert (limits["memory"], limits["cpu"]) == ("512Mi", "500m")


def test_replicas_are_three_to_ten_and_two_stay(deployment: Document) -> None:
    scaler, budget = objects("HorizontalPodAutoscaler")["discord-action"], objects("PodDisruptionBudget")
    assert deployment["spec"]["replicas"] == 3
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 10)
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "discord-action"}
    assert budget["discord-action"]["spec"]["minAvailable"] == 2


def test_an_update_takes_no_replica_away_before_another_serves(deployment: Document) -> None:
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_the_probes_ask_what_they_should_as_often_as_promised(container: Document) -> None:
    live, ready, startup = (container[f"{name}Probe"] for name in ("liveness", "readiness", "startup"))
    assert (live["httpGet"], live["periodSeconds"]) == ({"path": "/health/live", "port": "rest"}, 30)
    assert (ready["httpGet"], ready["periodSeconds"]) == ({"path": "/health/ready", "port": "rest"}, 10)
    assert startup["httpGet"]["path"] == "/health/live"
    assert all(probe["timeoutSeconds"] <= probe["periodSeconds"] for probe in (live, ready, startup))


def test_a_migration_may_take_its_time(deployment: Document, container: Document) -> None:
    startup = container["startupProbe"]
    patience_seconds = startup["periodSeconds"] * startup["failureThreshold"]
    assert MIGRATION_SECONDS < patience_seconds < deployment["spec"]["progressDeadlineSeconds"]


def test_the_secret_is_not_part_of_what_is_applied() -> None:
    assert objects("Secret") == {}
    assert {
        volume["secret"]["secretName"] for each in pods().values() for volume in each["volumes"] if "secret" in volume
    } == {"discord-action-secrets"}


# ── the parts fit each other ──


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment"])
def test_every_selector_finds_pods_of_ours(kind: str) -> None:
    labels = {tuple(each["spec"]["template"]["metadata"]["labels"].items()) for each in objects("Deployment").values()}
    for each in objects(kind).values():
        spec = each["spec"]
        selector = spec["podSelector"] if kind == "NetworkPolicy" else spec["selector"]
        assert tuple(selector.get("matchLabels", selector).items()) in labels


def test_services_and_probes_name_ports_that_a_pod_has(container: Document) -> None:
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 50051, "rest": 8070}
    for name in ("discord-action-grpc", "discord-action-grpc-headless", "discord-action-rest"):
        assert all(ports[port["targetPort"]] == port["port"] for port in objects("Service")[name]["spec"]["ports"])


def test_whoever_may_not_call_is_kept_out_and_the_module_reaches_only_what_it_needs() -> None:
    policy = objects("NetworkPolicy")["discord-action"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] and rule["ports"] for rule in policy["ingress"])
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == {50051, 8070}
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 5432, 6379, 443}


def test_names_are_asked_of_the_cluster_and_of_a_cache_on_the_node() -> None:
    egress = objects("NetworkPolicy")["discord-action"]["spec"]["egress"]
    (rule,) = [each for each in egress if {"port": 53, "protocol": "UDP"} in each["ports"]]
    assert {"port": 53, "protocol": "TCP"} in rule["ports"]
    pods_asked, address = rule["to"]
    (expression,) = pods_asked["podSelector"]["matchExpressions"]
    assert expression == {"key": "k8s-app", "operator": "In", "values": ["kube-dns", "node-local-dns"]}
    assert address == {"ipBlock": {"cidr": "169.254.20.10/32"}}


def test_what_an_operator_may_have_to_change_is_marked_where_it_stands() -> None:
    lines = MANIFEST.read_text().splitlines()
    marked = ["\n".join(lines[number : number + 9]) for number, line in enumerate(lines) if "YOURS: " in line]
    for what in ("image: discord-action-module", "port: 5432", "k8s-app", "scheme: HTTPS", "kind: NetworkPolicy"):
        assert any(what in each for each in marked), what


def test_redis_is_reached_by_the_module_alone_and_reaches_nothing() -> None:
    policy = objects("NetworkPolicy")["discord-action-redis"]["spec"]
    assert policy["egress"] == []
    (rule,) = policy["ingress"]
    assert rule == {
        "from": [{"podSelector": {"matchLabels": {"app": "discord-action"}}}],
        "ports": [{"port": 6379}],
    }


def test_redis_forgets_nothing_at_a_restart_or_for_want_of_memory() -> None:
    text = objects("ConfigMap")["discord-action-redis-config"]["data"]["valkey.conf"]
    assert {"appendonly yes", "maxmemory-policy noeviction", "dir /data"} <= set(text.splitlines())
    assert objects("Deployment")["discord-action-redis"]["spec"]["strategy"] == {"type": "Recreate"}
    limit = pods()["discord-action-redis"]["containers"][0]["resources"]["limits"]["memory"]
    found = re.search(r"^maxmemory (\d+)mb$", text, re.MULTILINE)
    assert found is not None
    assert int(found[1]) * MIB < in_bytes(limit)


def test_the_images_are_those_of_compose_and_of_this_release() -> None:
    services = compose()["services"]
    assert pods()["discord-action"]["containers"][0]["image"] == services["discord-action"]["image"]
    assert pods()["discord-action-redis"]["containers"][0]["image"] == services["valkey"]["image"]
    assert services["discord-action"]["image"] == f"discord-action-module:{RELEASE}"
    assert services["sandbox"]["image"] == f"discord-action-sandbox:{RELEASE}"


# ── they fit the settings ──


def test_every_variable_is_one_that_the_module_reads(settings: dict[str, str]) -> None:
    known = {each.name for each in variables()} | {f"{each.name}_FILE" for each in variables() if each.is_secret}
    assert settings.keys() - known == set()


def test_the_settings_are_complete_and_right(settings: dict[str, str]) -> None:
    """With the Secret's files in place, the module starts with them."""
    secrets = {
        "DISCORD_BOT_TOKEN": "a.bot.token-of-the-usual-length",
        "MODULE_SECRET_KEY": KEY,
        "DATABASE_URL": "postgresql://module:pw@db.example:5432/actions",
        "REDIS_URL": "redis://:pw@discord-action-redis:6379/0",
    }
    environ = {name: value for name, value in settings.items() if not name.endswith("_FILE")} | secrets
    assert Settings.load(env_file=None, environ=environ).servers.grpc_port == 50051


def test_every_secret_comes_from_a_file_of_the_secret(settings: dict[str, str], container: Document) -> None:
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "secrets"]
    files = {name.removesuffix("_FILE"): path for name, path in settings.items() if name.endswith("_FILE")}
    assert files == {name: f"{mount['mountPath']}/{name}" for name in files}
    required = {each.name for each in variables() if each.is_required}
    assert required <= files.keys()
    assert "env" not in container


def test_the_readme_makes_the_secret_with_every_key_that_is_read(settings: dict[str, str]) -> None:
    made = set(re.findall(r"--from-literal=(\w+)=", README))
    read = {name.removesuffix("_FILE") for name in settings if name.endswith("_FILE")}
    volumes = pods()["discord-action-redis"]["volumes"]
    assert made == read | {item["key"] for each in volumes if "secret" in each for item in each["secret"]["items"]}


def test_a_stop_has_the_time_it_may_take(settings: dict[str, str], pod: Document) -> None:
    needed = float(settings["SHUTDOWN_PAUSE"]) + float(settings["SHUTDOWN_GRACE"]) + RECORD_MARGIN_SECONDS
    assert needed <= pod["terminationGracePeriodSeconds"] <= needed + RECORD_MARGIN_SECONDS


def test_the_journal_is_on_a_volume_that_holds_it(settings: dict[str, str], pod: Document, container: Document) -> None:
    (mount,) = [each for each in container["volumeMounts"] if settings["JOURNAL_DIR"].startswith(each["mountPath"])]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    size, limit = volume["emptyDir"]["sizeLimit"], container["resources"]["limits"]["ephemeral-storage"]
    assert int(settings["JOURNAL_MAX_MB"]) * MIB < in_bytes(size) < in_bytes(limit)
    assert not mount.get("readOnly", False)

"""The alert rules and the dashboard ask only for what a running module shows, and are sound by themselves."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from config import ROOT
from sandbox import Options, Sandbox
from services.telemetry import Metrics
from tests.deploy.files import objects
from tests.observability.expressions import labels_kept, selectors
from tests.observability.rules import (
    OBSERVE,
    OPERATIONS,
    Alert,
    alerts,
    anchors,
    dashboard,
    dashboard_expressions,
    recorded,
)
from tests.support.module import environment
from tests.support.process import serving_program
from tests.support.prometheus import prometheus_program
from tests.support.valkey import ValkeyServer
from tools.metrics_table import shown_name

PROMETHEUS_OWN = {"up": {"job", "instance"}}
FOREIGN = {"kube_horizontalpodautoscaler_spec_min_replicas": {"namespace", "horizontalpodautoscaler"}}
"""https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/horizontalpodautoscaler-metrics.md"""
OF_ALL_REPLICAS = {
    f"discord_action_{name}"
    for name in (
        "invalid_requests_limit",
        "invalid_requests_used",
        "limit_global_per_second",
        "limit_global_used",
        "limit_replicas",
    )
}
ADDED_WHEN_SCRAPED = {"job", "instance"}


@pytest.fixture(scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory, valkey_server: ValkeyServer) -> Mapping[str, set[str]]:
    """Every series that a running module with a Redis can show, with its labels."""
    database = f"sqlite:///{tmp_path_factory.mktemp('shown')}/a.db"
    async with (
        Sandbox.serving(Options()) as sandbox,
        serving_program(environment(sandbox, database, REDIS_URL=valkey_server.url)) as started,
        aiohttp.ClientSession() as session,
        session.get(f"{started.rest_url}/metrics") as answer,
    ):
        return series_of(await answer.text())


def series_of(page: str) -> Mapping[str, set[str]]:
    labels = {shown_name(definition): set(definition.labels) for definition in Metrics("", "").definitions}
    found: dict[str, set[str]] = PROMETHEUS_OWN | {name: set() for name in recorded()}
    for family in text_string_to_metric_families(page):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        known = labels.get(name, set()) | ADDED_WHEN_SCRAPED
        if family.type == "histogram":
            found |= {f"{name}_bucket": known | {"le"}, f"{name}_sum": known, f"{name}_count": known}
        else:
            found[name] = known
    return found


def check(expression: str, shown: Mapping[str, set[str]]) -> None:
    asked = list(selectors(expression))
    assert asked
    for name, labels in asked:
        assert name in shown, expression
        assert labels <= shown[name], expression
    available = set.union(*(shown[name] for name, _ in asked))
    assert labels_kept(expression) <= available, expression


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert.name))
async def test_an_alert_asks_for_what_there_is_and_says_what_to_do(alert: Alert, shown: Mapping[str, set[str]]) -> None:
    check(alert.expression, shown)
    assert alert.labels["severity"] in {"critical", "warning"}
    assert alert.annotations["summary"].endswith(".")
    document, _, anchor = alert.annotations["runbook_url"].partition("#")
    assert (document, anchor in anchors()) == ("docs/operations.md", True)


def test_what_is_recorded_asks_for_what_others_show_and_is_asked_for() -> None:
    for name, expression in recorded().items():
        assert all(labels <= FOREIGN[asked] for asked, labels in selectors(expression))
        assert any(name in alert.expression for alert in alerts())


def test_the_autoscaler_that_says_how_many_replicas_there_must_be_is_ours() -> None:
    (scaler,) = objects("HorizontalPodAutoscaler")
    (expression,) = recorded().values()
    assert f'horizontalpodautoscaler="{scaler}"' in expression


async def test_the_dashboard_asks_for_what_there_is(shown: Mapping[str, set[str]]) -> None:
    for expression in dashboard_expressions():
        check(expression, shown)
    instances = dashboard()["templating"]["list"][1]["definition"]
    match = re.fullmatch(r"label_values\((\w+), (\w+)\)", instances)
    assert match is not None
    assert match[2] in shown[match[1]]


async def test_everything_the_module_counts_can_be_seen_on_the_dashboard(shown: Mapping[str, set[str]]) -> None:
    asked = {name for expression in dashboard_expressions() for name, _ in selectors(expression)}
    asked |= {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert {shown_name(definition) for definition in Metrics("", "").definitions} - asked == set()


async def test_everything_that_is_defined_is_shown(shown: Mapping[str, set[str]]) -> None:
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown} | set(shown)
    assert {shown_name(definition) for definition in Metrics("", "").definitions} - names == set()


def test_what_every_replica_knows_of_all_is_not_added_up() -> None:
    summed = [expression for expression in dashboard_expressions() if expression.startswith("sum")]
    asked = {name for expression in summed for name, _ in selectors(expression)}
    assert asked & OF_ALL_REPLICAS == set()


def test_prometheus_reads_every_replica_and_the_rules() -> None:
    configuration = yaml.safe_load((OBSERVE / "prometheus.yml").read_text())
    assert [(OBSERVE / name).exists() for name in configuration["rule_files"]] == [True]
    (job,) = configuration["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    assert (names["names"], names["port"]) == (["discord-action"], 8070)
    assert "metrics_path" not in job  # /metrics by default
    jobs = {match for alert in alerts() for match in re.findall(r'job="([^"]+)"', alert.expression)}
    jobs |= {match for expression in dashboard_expressions() for match in re.findall(r'job="([^"]+)"', expression)}
    assert jobs == {job["job_name"]}


@pytest.mark.parametrize(
    ("asked", "file"),
    [
        (("check", "rules"), OBSERVE / "alerts.yml"),
        (("check", "config"), OBSERVE / "prometheus.yml"),
        (("test", "rules"), ROOT / "tests" / "observability" / "alerts.test.yml"),
    ],
)
def test_prometheus_itself_accepts_them(asked: tuple[str, str], file: Path) -> None:
    command = [prometheus_program("promtool"), *asked, str(file)]
    answered = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answered.returncode == 0, answered.stdout + answered.stderr
    assert "SUCCESS" in answered.stdout


def test_prometheus_accepts_what_the_runbook_has_for_a_cluster(tmp_path: Path) -> None:
    """But for the way it finds pods: Debian's Prometheus is built without it."""
    (written,) = re.findall(r"```yaml\n(.*?)```", OPERATIONS, re.DOTALL)
    configuration = yaml.safe_load(written)
    (job,) = configuration["scrape_configs"]
    (pods,) = job.pop("kubernetes_sd_configs")
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    command = [prometheus_program("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    answered = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answered.returncode == 0, answered.stdout + answered.stderr
    assert pods["role"] == "pod"
    deployment = objects("Deployment")["discord-action"]
    assert pods["namespaces"]["names"] == [deployment["metadata"]["namespace"]]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (kept,) = [each["regex"] for each in job["relabel_configs"] if each.get("action") == "keep"]
    app, port = kept.split(";")
    assert app == deployment["spec"]["template"]["metadata"]["labels"]["app"]
    assert {each["name"]: each["containerPort"] for each in container["ports"]}[port] == 8070

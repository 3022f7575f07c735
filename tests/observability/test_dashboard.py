"""What Grafana is given: sound by itself, and joined to what compose mounts. Grafana itself is not started anywhere."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from tests.deploy.files import compose
from tests.observability.rules import OBSERVE, dashboard

WIDTH = 24
"""https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/#panel-size-and-position"""
SCHEMA_OF_GRAFANA_12 = 41
OWN_VARIABLES = {"__rate_interval", "__all"}
PANELS = dashboard()["panels"]
PROVISIONING = OBSERVE / "grafana" / "provisioning"
every_panel = pytest.mark.parametrize("panel", PANELS, ids=[f"{panel['id']} {panel['title']}" for panel in PANELS])


def values_of(key: str, tree: Any) -> Iterator[Any]:
    """Everything that stands under a key, however deep."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            if name == key:
                yield value
            yield from values_of(key, value)
    elif isinstance(tree, list):
        for each in tree:
            yield from values_of(key, each)


def provisioned(path: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((PROVISIONING / path).read_text())
    assert read["apiVersion"] == 1
    return read


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether two places of the grid share a cell."""
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not below


def test_grafana_of_the_compose_file_knows_its_schema() -> None:
    found = dashboard()
    major = compose()["services"]["grafana"]["image"].rpartition(":")[2].partition(".")[0]
    assert (major, found["schemaVersion"] <= SCHEMA_OF_GRAFANA_12) == ("12", True)
    assert found["uid"] == "discord-action"
    assert "id" not in found  # Grafana gives one: https://grafana.com/docs/grafana/latest/administration/provisioning/


def test_no_two_panels_share_an_id_or_a_place() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    pairs = combinations(PANELS, 2)
    assert [(a["title"], b["title"]) for a, b in pairs if overlap(a["gridPos"], b["gridPos"])] == []


@every_panel
def test_a_panel_is_whole(panel: dict[str, Any]) -> None:
    place = panel["gridPos"]
    assert place["x"] >= 0
    assert place["x"] + place["w"] <= WIDTH
    assert panel["title"]
    targets = panel.get("targets", [])
    assert bool(targets) == (panel["type"] != "row")
    assert len({target["refId"] for target in targets}) == len(targets)
    assert all(target["datasource"]["type"] == "prometheus" for target in targets)


def test_every_variable_is_defined_and_used() -> None:
    found = dashboard()
    defined = {variable["name"] for variable in found["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(found)))
    assert used - OWN_VARIABLES == defined


def test_the_chosen_data_source_is_the_one_that_is_provisioned() -> None:
    found = dashboard()
    (source,) = provisioned("datasources/prometheus.yml")["datasources"]
    (chosen,) = (each for each in found["templating"]["list"] if each["type"] == "datasource")
    assert (chosen["query"], chosen["current"]["value"]) == (source["type"], source["uid"])
    assert {each["uid"] for each in values_of("datasource", found)} == {f"${{{chosen['name']}}}"}


def test_the_data_source_is_compose_s_prometheus_and_the_folder_is_mounted() -> None:
    services = compose()["services"]
    (source,) = provisioned("datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert set(services["prometheus"]["networks"]) & set(services["grafana"]["networks"])
    mounted = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    (provider,) = provisioned("dashboards/discord-action.yml")["providers"]
    assert PurePosixPath(mounted["./deploy/observe/grafana/dashboard.json"]).parent == PurePosixPath(
        provider["options"]["path"]
    )
    assert mounted["./deploy/observe/grafana/provisioning"] == "/etc/grafana/provisioning"

"""What an operator is given to watch with: the alert rules, the dashboard, the runbook."""

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from config import ROOT

OBSERVE = ROOT / "deploy" / "observe"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@dataclass(frozen=True)
class Alert:
    """One rule."""

    name: str
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OBSERVE / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[Alert]:
    found = [rule for rule in _rules() if "alert" in rule]
    return [Alert(rule["alert"], rule["expr"], rule["labels"], rule["annotations"]) for rule in found]


def recorded() -> dict[str, str]:
    """The series that rules make, each with its expression."""
    return {rule["record"]: rule["expr"] for rule in _rules() if "record" in rule}


def dashboard() -> dict[str, Any]:
    found = json.loads((OBSERVE / "grafana" / "dashboard.json").read_text())
    assert isinstance(found, dict)
    return found


def dashboard_expressions(rate_interval: str = "5m") -> list[str]:
    """Every expression of every panel, with Grafana's own variable filled in."""
    written = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    return [expression.replace("$__rate_interval", rate_interval) for expression in written]


def headings(level: int, text: str = OPERATIONS) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


def anchors(text: str = OPERATIONS) -> set[str]:
    """The anchors a browser finds in the document."""
    titles = [title for level in range(1, 5) for title in headings(level, text)]
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}

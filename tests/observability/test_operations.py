"""The runbook names what there is: alerts, commands, paths, variables, metrics, codes."""

import re
import shlex
from collections.abc import Iterator

import pytest
import yaml

from app import _parser
from config import ROOT, variables
from services.errors import ErrorCode
from services.telemetry import Metrics
from tests.observability.rules import OPERATIONS, alerts, anchors, dashboard, headings
from tools import metrics_table

FOREIGN_VARIABLES = {"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"}  # OpenTelemetry's own
FOREIGN_METRICS = {"process_cpu_seconds_total", "container_cpu_cfs_throttled_seconds_total"}
FOREIGN_LINES = {"reached maximum value of sequence", "$DATABASE_URL", "$REDIS_URL"}  # PostgreSQL's, a shell's
TABLES = {"discord_actions", "discord_clients"}
WORDS = {"NOT_SERVING", "NAME_FILE"}


def sections() -> dict[str, str]:
    parts = re.split(r"^### (.+)$", OPERATIONS.partition("## Alerts")[2].partition("\n## ")[0], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def spoken() -> str:
    """The document without its generated table."""
    return OPERATIONS.partition(metrics_table.BEGIN)[0]


def commands() -> Iterator[str]:
    """What is to be typed: in back-ticks, or in blocks of shell."""
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", OPERATIONS, flags=re.DOTALL))
    for block in re.findall(r"```sh\n(.*?)```", OPERATIONS, re.DOTALL):
        yield from block.splitlines()


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    assert sorted(sections()) == sorted(alert.name for alert in alerts())


@pytest.mark.parametrize("name", sorted(sections()))
def test_a_section_says_what_to_do(name: str) -> None:
    assert "**Steps**" in sections()[name] or "**steps**" in sections()[name]


def test_every_link_within_leads_somewhere() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", OPERATIONS)) <= anchors()
    files = re.findall(r"\]\(([^)#:]+)\)", OPERATIONS)
    assert [path for path in files if not (ROOT / "docs" / path).exists()] == []
    assert len(headings(3)) == len(set(headings(3)))


def test_what_is_quoted_stands_in_the_log_or_on_the_dashboard() -> None:
    quoted = set(re.findall(r'"([^"`\n]{5,60})"', re.sub(r"\n", " ", "".join(sections().values()))))
    assert {"redis is away", "By action"} <= quoted
    sources = " ".join(path.read_text() for path in (ROOT / "services").rglob("*.py"))
    panels = [panel["title"] for panel in dashboard()["panels"]]
    said = {text for text in quoted if f'"{text}' in sources or any(title.startswith(text) for title in panels)}
    assert quoted - said - FOREIGN_LINES == set()


def test_every_command_of_the_module_is_one() -> None:
    asked = [command.partition("app.py ")[2].partition(" >")[0] for command in commands() if "app.py " in command]
    assert len(asked) >= 8
    for arguments in asked:
        _parser().parse_args(shlex.split(arguments))


def test_every_path_exists() -> None:
    paths = [word for command in commands() for word in command.split() if word.startswith(("deploy/", "docs/"))]
    assert len(paths) >= 3
    missing = {path for path in paths if not (ROOT / path).exists()}
    manifest = yaml.safe_load_all((ROOT / "k8s-deployment.yaml").read_text())
    assert missing <= {f"deploy/{each['metadata']['name']}" for each in manifest if each["kind"] == "Deployment"}


def test_every_variable_exists() -> None:
    known = {variable.name for variable in variables()}
    files = {f"{variable.name}_FILE" for variable in variables() if variable.is_secret}
    of_compose = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    named = set(re.findall(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b", spoken()))
    assert named - known - files - of_compose - FOREIGN_VARIABLES - WORDS == set()


def test_every_metric_exists() -> None:
    shown = {metrics_table.shown_name(definition) for definition in Metrics("", "").definitions}
    named = set(re.findall(r"\b(?:discord_action|process|container)_[a-z_]+\b", spoken()))
    assert named - shown - FOREIGN_METRICS - TABLES == set()


def test_every_error_code_exists() -> None:
    slugs = {code.slug for code in ErrorCode}
    named = set(re.findall(r"--error-code (\w+)", OPERATIONS))
    assert named
    assert named <= slugs

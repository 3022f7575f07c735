"""Writes the table of metrics into docs/operations.md: `python -m tools.metrics_table --write`, or `--check` it."""

from collections.abc import Iterator

from config import ROOT
from services.telemetry import Metrics
from services.telemetry.metrics import Definition
from tools import generated

TARGET = ROOT / "docs" / "operations.md"
BEGIN = "<!-- metrics: written by python -m tools.metrics_table --write -->\n"
END = "<!-- end of metrics -->"


def text() -> str:
    """Gives the whole document, with the table as it must be."""
    before, _, rest = TARGET.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}{''.join(f'{line}\n' for line in _table())}{END}{after}"


def _table() -> Iterator[str]:
    yield "| metric | kind | labels | meaning |"
    yield "|---|---|---|---|"
    for definition in sorted(Metrics("", "").definitions):
        labels = ", ".join(f"`{label}`" for label in definition.labels) or "–"
        yield f"| `{shown_name(definition)}` | {definition.kind} | {labels} | {definition.meaning} |"


def shown_name(definition: Definition) -> str:
    """The name as Prometheus shows it; a histogram's series end in `_bucket`, `_sum` and `_count` as well."""
    return f"{definition.name}_total" if definition.kind == "counter" else definition.name


if __name__ == "__main__":
    raise SystemExit(generated.run("metrics_table", TARGET, text))

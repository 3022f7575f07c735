"""Writes the table of metrics into docs/operations.md: `python -m tools.metrics_table --write`, or `--check` it."""

import argparse
from collections.abc import Iterator

from config import ROOT
from services.telemetry import Metrics
from services.telemetry.metrics import Definition

TARGET = ROOT / "docs" / "operations.md"
BEGIN = "<!-- metrics: written by python -m tools.metrics_table --write -->\n"
END = "<!-- end of metrics -->"


def text() -> str:
    """Give the whole document, with the table as it must be."""
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


def main() -> int:
    """Write the table, or say whether it is current; 1 when it is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help="write the table")
    choice.add_argument("--check", action="store_true", help="fail when the table is not current")
    if parser.parse_args().write:
        TARGET.write_text(text())
        print(f"{TARGET.name} written")
        return 0
    is_current = TARGET.read_text() == text()
    print(f"{TARGET.name} is current" if is_current else f"{TARGET.name}: python -m tools.metrics_table --write")
    return 0 if is_current else 1


if __name__ == "__main__":
    raise SystemExit(main())

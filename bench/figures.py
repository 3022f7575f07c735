"""What a run found out, and how it is shown: as a table for people, as Markdown, as JSON."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

HEADINGS: Final = ("what", "measured", "floor", "ratio", "to reach")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `floor` and `ratio` are None where there is nothing to compare with."""

    what: str
    measured: float
    unit: str
    to_reach: str
    floor: float | None = None
    ratio: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The line as text, one cell for each heading."""
        floor = "–" if self.floor is None else _amount(self.floor, self.unit)
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f}"
        return (self.what, _amount(self.measured, self.unit), floor, ratio, self.to_reach)


@dataclass(slots=True)
class Report:
    """The figures of a run, remarks on how they came about, and each single measurement."""

    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    single: dict[str, Any] = field(default_factory=dict)

    def add(self, other: "Report") -> None:
        """Takes over what another report holds."""
        self.figures += other.figures
        self.remarks += other.remarks
        self.single |= other.single

    def as_text(self) -> str:
        """Aligned columns."""
        rows = [HEADINGS, *(figure.cells() for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
        lines.insert(1, "  ".join("─" * width for width in widths))
        return "\n".join([*lines, "", *self.remarks, *machine()])

    def as_markdown(self) -> str:
        """A document of its own; each line says when it was measured, so that some can be renewed without the rest."""
        when = f"{datetime.now(UTC):%Y-%m-%d %H:%M}, load {os.getloadavg()[0]:.1f}"
        rows = ["| " + " | ".join((*figure.cells(), when)) + " |" for figure in self.figures]
        head = ["| " + " | ".join((*HEADINGS, "when")) + " |", "|---|--:|--:|--:|---|---|"]
        notes = [f"- {note}" for note in (*self.remarks, f"Machine: {machine()[0]}.")]
        return "\n".join(["# Measured", "", *head, *rows, "", *notes, ""])

    def as_json(self) -> str:
        """Everything, for machines."""
        figures = [asdict(figure) for figure in self.figures]
        content = {"figures": figures, "single": self.single, "remarks": self.remarks, "machine": machine()}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def machine() -> list[str]:
    """Where and when this was measured."""
    cores = len(os.sched_getaffinity(0))
    return [
        f"Python {' '.join(sys.version.split())}; {platform.system()} {platform.machine()}, {cores} cores",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; load average {os.getloadavg()[0]:.2f} at the end",
    ]


def _amount(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".replace(",", "\u202f")


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The first and the last column to the left, numbers to the right."""
    last = len(row) - 1
    return [
        cell.ljust(width) if column in {0, last} else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]

"""Figures that tests measured: one JSON line each, in the file that the variable PROOF_RESULTS names."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path


def keep(scenario: str, to_reach: str, **figures: float | str) -> None:
    """Writes down what a scenario gave beside what it was to reach."""
    sys.stdout.write(f"\n{scenario}: {figures} (to reach: {to_reach})\n")
    results = os.environ.get("PROOF_RESULTS")
    if results:
        with Path(results).open("a") as file:
            result = {"scenario": scenario, "to_reach": to_reach, "figures": figures, "when": _now()}
            file.write(json.dumps(result) + "\n")


def _now() -> str:
    """The minute, and how much wanted to run in it."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M}, load {os.getloadavg()[0]:.1f}"

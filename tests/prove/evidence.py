"""Figures that tests measured: one JSON line each, in the file that the variable PROOF_RESULTS names."""

import json
import os
import sys
from pathlib import Path


def keep(scenario: str, to_reach: str, **figures: float | str) -> None:
    """Writes down what a scenario gave beside what it was to reach."""
    sys.stdout.write(f"\n{scenario}: {figures} (to reach: {to_reach})\n")
    results = os.environ.get("PROOF_RESULTS")
    if results:
        with Path(results).open("a") as file:
            file.write(json.dumps({"scenario": scenario, "to_reach": to_reach, "figures": figures}) + "\n")

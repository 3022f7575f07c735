"""Writes docs/PROOF.md from what the tests marked `prove` and the benchmarks measured.

    python -m tools.proof --results results.jsonl --benchmarks benchmarks.md --write docs/PROOF.md

Each line of the results is one scenario: {"scenario": …, "to_reach": …, "figures": {name: value}}. A scenario that was
measured again counts as it was last.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HEAD = """# Proof

Measured on {date} (UTC) by `./setup.sh prove`, against the sandbox, which counts and refuses as Discord does; its
replies take 20 ms. Ratios are the time the limits allow over the time taken.

| scenario | to reach | measured |
|---|---|---|
"""


def main() -> None:
    """Write the document."""
    parser = argparse.ArgumentParser(prog="python -m tools.proof", description="Write down what was measured.")
    parser.add_argument("--results", type=Path, required=True, metavar="FILE", help="one JSON line a scenario")
    parser.add_argument("--benchmarks", type=Path, metavar="FILE", help="Markdown to put below")
    parser.add_argument("--write", type=Path, required=True, metavar="FILE")
    asked = parser.parse_args()
    lines = asked.results.read_text().splitlines() if asked.results.exists() else []
    text = document([json.loads(line) for line in lines], datetime.now(UTC))
    if asked.benchmarks is not None and asked.benchmarks.exists():
        text += "\n" + asked.benchmarks.read_text().replace("# ", "## ", 1)
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(text)
    print(f"{asked.write}: {len(lines)} results")


def document(results: Iterable[Mapping[str, Any]], now: datetime) -> str:
    """The table of all scenarios, in the order in which they were first measured."""
    rows = {str(result["scenario"]): _row(result) for result in results}
    return HEAD.format(date=f"{now:%Y-%m-%d %H:%M}") + "".join(f"{row}\n" for row in rows.values())


def _row(result: Mapping[str, Any]) -> str:
    figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result["figures"].items())
    return f"| {result['scenario']} | {result['to_reach']} | {figures} |"


if __name__ == "__main__":
    main()

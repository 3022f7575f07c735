"""Writes docs/PROOF.md from what the tests marked `prove` and the benchmarks measured.

    python -m tools.proof --results results.jsonl --benchmarks benchmarks.md --write docs/PROOF.md

Each line of the results is one scenario: {"scenario": …, "to_reach": …, "figures": {name: value}, "when": …}. A
scenario counts as it was measured last. What was not measured this time stays as it stands, with its own date: a part
of the evidence can be renewed alone (`./setup.sh prove -k outage`). So it is with the benchmarks, of which
`python -m bench --only sizes --write FILE` measures a part: a figure is known by its name, and remarks are replaced
whose topic, up to the colon, is spoken of anew.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

HEAD: Final = """# Proof

Measured by `./setup.sh prove`, against the sandbox, which counts and refuses as Discord does; its replies take 20 ms.
Each row says when (UTC), and how busy the machine was then (load average; its size is at the end). Ratios are the time
the limits allow over the time taken. A twin is a second module at the same time, under the same load, to whose database
nothing happens: what slows both is the machine.

| scenario | to reach | measured | when |
|---|---|---|---|
"""
BENCHMARKS: Final = "## "
RULE: Final = "\n|---"
COLUMNS: Final = 4


def main() -> None:
    """Writes the document."""
    parser = argparse.ArgumentParser(prog="python -m tools.proof", description="Write down what was measured.")
    parser.add_argument("--results", type=Path, required=True, metavar="FILE", help="one JSON line a scenario")
    parser.add_argument("--benchmarks", type=Path, metavar="FILE", help="Markdown to put below")
    parser.add_argument("--write", type=Path, required=True, metavar="FILE")
    asked = parser.parse_args()
    lines = asked.results.read_text().splitlines() if asked.results.exists() else []
    earlier = asked.write.read_text() if asked.write.exists() else ""
    benchmarks = asked.benchmarks.read_text() if asked.benchmarks and asked.benchmarks.exists() else ""
    asked.write.parent.mkdir(parents=True, exist_ok=True)
    asked.write.write_text(document(earlier, [json.loads(line) for line in lines], benchmarks))
    print(f"{asked.write}: {len(lines)} results")


def document(earlier: str, results: Iterable[Mapping[str, Any]], benchmarks: str = "") -> str:
    """The document `earlier` with these scenarios measured anew, and the benchmarks where there are any."""
    table, _, old_benchmarks = earlier.partition(f"\n{BENCHMARKS}")
    rows = _rows(table) | {str(result["scenario"]): _row(result) for result in results}
    below = _merged(old_benchmarks, benchmarks) if benchmarks else f"{BENCHMARKS}{old_benchmarks}"
    return HEAD + "".join(f"{row}\n" for row in rows.values()) + (f"\n{below}" if below != BENCHMARKS else "")


def _merged(old: str, new: str) -> str:
    """The benchmarks of `new`, and of `old` what `new` does not speak of."""
    figures = {line.split(" | ")[0]: line for text in (old, new) for line in _figures(text)}
    remarks = {_topic(line) for line in _remarks(new)}
    notes = [*(line for line in _remarks(old) if _topic(line) not in remarks), *_remarks(new)]
    head = new.partition(RULE)[0] + RULE + new.partition(RULE)[2].partition("\n")[0]
    return "\n".join([head.replace("# ", BENCHMARKS, 1), *figures.values(), *(["", *notes] if notes else []), ""])


def _figures(text: str) -> list[str]:
    """The lines of the table, without its head."""
    return [line for line in text.partition(RULE)[2].splitlines()[1:] if line.startswith("| ")]


def _remarks(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("- ")]


def _topic(remark: str) -> str:
    return remark.partition(":")[0]


def _rows(table: str) -> dict[str, str]:
    """The rows of a written table, by scenario."""
    lines = [line for line in table.splitlines() if line.startswith("| ") and line.count(" | ") == COLUMNS - 1]
    return {line.removeprefix("| ").partition(" | ")[0]: line for line in lines[1:]}


def _row(result: Mapping[str, Any]) -> str:
    figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result["figures"].items())
    return f"| {result['scenario']} | {result['to_reach']} | {figures} | {result['when']} |"


if __name__ == "__main__":
    main()

from typing import Any

from tools.proof import document


def result(scenario: str, when: str, **figures: float) -> dict[str, Any]:
    return {"scenario": scenario, "to_reach": "≥ 0.9", "figures": figures, "when": when}


FIRST = result("a", "2026-01-31 12:05, load 1.0", ratio=0.8, busiest_second=50)
OTHER = result("b", "2026-01-31 12:06, load 1.0", lost=0)
AGAIN = result("a", "2026-02-01 09:00, load 0.5", ratio=0.97, busiest_second=49)
BENCHMARKS = "# Measured\n\n| what | measured |\n|---|--:|\n| start | 1 s |\n"


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("| a ", "| b "))]


def test_a_scenario_counts_as_it_was_measured_last() -> None:
    assert rows(document("", [FIRST, OTHER, AGAIN])) == [
        "| a | ≥ 0.9 | ratio 0.97, busiest second 49 | 2026-02-01 09:00, load 0.5 |",
        "| b | ≥ 0.9 | lost 0 | 2026-01-31 12:06, load 1.0 |",
    ]


def test_what_was_not_measured_again_stays_with_its_date() -> None:
    text = document(document("", [FIRST, OTHER], BENCHMARKS), [AGAIN])
    assert rows(text) == [
        "| a | ≥ 0.9 | ratio 0.97, busiest second 49 | 2026-02-01 09:00, load 0.5 |",
        "| b | ≥ 0.9 | lost 0 | 2026-01-31 12:06, load 1.0 |",
    ]
    assert text.endswith("\n\n## Measured\n\n| what | measured |\n|---|--:|\n| start | 1 s |\n")


def test_new_benchmarks_take_the_place_of_old_ones() -> None:
    text = document(document("", [FIRST], BENCHMARKS), [], BENCHMARKS.replace("1 s", "2 s"))
    assert "1 s" not in text
    assert text.endswith("| start | 2 s |\n")


def test_nothing_changes_when_nothing_was_measured() -> None:
    text = document("", [FIRST, OTHER], BENCHMARKS)
    assert document(text, []) == text


MEASURED = """# Measured

| what | measured | when |
|---|--:|---|
| start | 1 s | yesterday |
| memory | 9 MiB | yesterday |

- Start: of three.
- Start: the first is slower.
- Machine: a small one.
"""
START_AGAIN = """# Measured

| what | measured | when |
|---|--:|---|
| start | 2 s | today |
| stop | 3 s | today |

- Start: of five.
- Machine: a large one.
"""


def test_a_figure_that_was_not_measured_again_stays_with_its_date_and_its_remarks() -> None:
    text = document(document("", [FIRST], MEASURED.replace("Start: the", "Memory: the")), [], START_AGAIN)
    below = text.partition("## Measured\n")[2]
    assert below.splitlines() == [
        "",
        "| what | measured | when |",
        "|---|--:|---|",
        "| start | 2 s | today |",
        "| memory | 9 MiB | yesterday |",
        "| stop | 3 s | today |",
        "",
        "- Memory: the first is slower.",
        "- Start: of five.",
        "- Machine: a large one.",
    ]


def test_measuring_everything_again_leaves_nothing_of_before() -> None:
    text = document(document("", [FIRST], MEASURED), [], MEASURED.replace("yesterday", "today"))
    assert text == document("", [FIRST], MEASURED.replace("yesterday", "today"))

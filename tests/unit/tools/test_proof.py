from datetime import UTC, datetime

from tools.proof import document


def test_a_scenario_counts_as_it_was_measured_last() -> None:
    first = {"scenario": "a", "to_reach": "≥ 0.9", "figures": {"ratio": 0.8, "busiest_second": 50}}
    other = {"scenario": "b", "to_reach": "none lost", "figures": {"lost": 0}}
    again = {"scenario": "a", "to_reach": "≥ 0.9", "figures": {"ratio": 0.97, "busiest_second": 49}}
    text = document([first, other, again], datetime(2026, 1, 31, 12, 5, tzinfo=UTC))
    assert "2026-01-31 12:05" in text
    assert text.splitlines()[-2:] == [
        "| a | ≥ 0.9 | ratio 0.97, busiest second 49 |",
        "| b | none lost | lost 0 |",
    ]

"""What replies teach about one window."""

import pytest

from services.discord.rate_limit import Observation
from services.discord.rate_limit.window import MARGIN_SECONDS, Window

EPOCH = 1_700_000_000.0


def said(remaining: int, reset_after: float, reset: float | None, limit: int = 5) -> Observation:
    return Observation(200, limit, remaining, reset, reset_after, "hash")


def learned(*replies: tuple[float, float, int, float], limit: int = 5) -> Window:
    """A window after replies of (sent, arrived, remaining, reset_after), counted half-way."""
    window = Window(limit, "hash")
    for sent, arrived, remaining, reset_after in replies:
        counted = (sent + arrived) / 2
        reset = EPOCH + counted + reset_after
        window.learn(said(remaining, reset_after, reset, limit), sent, arrived, overtakers=0)
    return window


def test_one_reply_does_not_tell_the_kind_and_is_taken_for_fixed() -> None:
    window = learned((10.0, 10.02, 4, 1.0))
    assert not window.is_sliding
    assert window.open_at(10.1, in_flight=4) == pytest.approx(11.02 + MARGIN_SECONDS)


def test_a_reset_that_moves_on_is_sliding_and_gives_one_request_per_interval() -> None:
    window = learned((10.0, 10.02, 4, 1.0), (10.02, 10.04, 3, 1.98))
    assert window.is_sliding
    full_at = 10.04 + 1.98 + MARGIN_SECONDS
    assert window.open_at(10.05, in_flight=3) == pytest.approx(full_at + 4 - 5, abs=0.01)


def test_a_reset_that_stands_still_is_fixed_and_gives_all_at_its_end() -> None:
    window = learned((10.0, 10.02, 4, 5.0), (10.02, 10.04, 3, 4.98), (10.04, 10.06, 0, 4.96))
    assert not window.is_sliding
    assert window.open_at(10.1, in_flight=0) == pytest.approx(15.02 + MARGIN_SECONDS)
    assert window.room(15.1, in_flight=0) == 5


def test_the_schedule_of_a_sliding_window_does_not_drift_with_latency() -> None:
    window = learned((10.0, 10.1, 4, 1.0), (10.1, 10.2, 3, 1.9))
    leaves = [window.open_at(10.2, in_flight=0)]
    for _ in range(50):
        sent = max(leaves[-1], 10.2)
        window.spend_unseen(sent + 0.1)
        leaves.append(window.open_at(sent + 0.1, in_flight=0))
    assert leaves[-1] - leaves[0] == pytest.approx(50.0, abs=0.06)


def test_a_stale_reply_changes_nothing() -> None:
    window = learned((10.0, 10.02, 2, 5.0), (15.1, 15.12, 4, 5.0))
    before = (window.remaining, window.full_at)
    window.learn(said(1, 4.9, EPOCH + 15.0), 10.1, 15.2, overtakers=0)
    assert (window.remaining, window.full_at) == before


def test_a_reply_that_was_overtaken_cannot_raise_what_remains() -> None:
    window = learned((10.0, 10.02, 4, 5.0))
    window.learn(said(2, 4.9, EPOCH + 15.01), 10.05, 10.2, overtakers=0)
    window.learn(said(3, 4.9, EPOCH + 15.01), 10.05, 10.25, overtakers=1)
    assert window.remaining == 2


def test_what_others_used_is_seen() -> None:
    window = learned((10.0, 10.02, 4, 1.0), (10.02, 10.04, 3, 1.98))
    window.learn(said(0, 4.5, EPOCH + 15.5), 11.0, 11.02, overtakers=0)
    assert window.open_at(11.02, in_flight=0) == pytest.approx(11.02 + 4.5 + MARGIN_SECONDS - 4, abs=0.02)


def test_an_unexpected_429_takes_the_belief_in_sliding_away() -> None:
    window = learned((10.0, 10.02, 4, 1.0), (10.02, 10.04, 3, 1.98))
    window.surprise(said(0, 4.0, EPOCH + 15.0), 11.0, 11.02)
    assert not window.is_sliding
    assert window.open_at(11.1, in_flight=0) == pytest.approx(15.02 + MARGIN_SECONDS)
    window.learn(said(3, 1.9, EPOCH + 17.0), 15.1, 15.12, overtakers=0)
    window.learn(said(2, 2.9, EPOCH + 18.0), 15.12, 15.14, overtakers=0)
    assert not window.is_sliding


def test_a_sliding_window_whose_reset_stands_still_is_fixed_after_all() -> None:
    window = learned((10.0, 10.02, 4, 1.0), (10.02, 10.04, 3, 1.98))
    window.learn(said(2, 1.96, EPOCH + 12.01), 10.04, 10.06, overtakers=0)
    assert not window.is_sliding


@pytest.mark.parametrize("window", [Window(1, None), learned((10.0, 10.02, 0, 0.25), limit=1)])
def test_a_window_of_one_is_open_again_when_it_is_full(window: Window) -> None:
    assert window.open_at(10.5, in_flight=0) <= 10.5
    assert window.open_at(10.5, in_flight=1) == float("inf")

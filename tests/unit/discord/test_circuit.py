from services.discord.circuit import PROBE_WAIT_SECONDS, Circuit
from tests.fakes import ManualClock


def circuit(clock: ManualClock) -> Circuit:
    return Circuit(clock, threshold=3, most_of_one_cause=2, first_seconds=5, longest_seconds=15)


def fail(one: Circuit, times: int = 1, *causes: str) -> None:
    for _ in range(times):
        one.leave(was_probe=one.enter(), is_well=False, causes=causes)


def test_failures_in_a_row_open_it() -> None:
    one = circuit(ManualClock())
    fail(one, 2)
    assert one.blocked_seconds == 0
    fail(one)
    assert one.blocked_seconds == 5


def test_one_cause_alone_never_opens_it() -> None:
    one = circuit(ManualClock())
    fail(one, 100, "a")
    fail(one, 100, "b", "a")
    assert one.is_closed
    fail(one, 1, "b")
    assert not one.is_closed


def test_what_names_no_cause_always_counts() -> None:
    one = circuit(ManualClock())
    fail(one, 100, "a")
    fail(one)
    assert not one.is_closed


def test_a_success_forgives_every_cause() -> None:
    one = circuit(ManualClock())
    fail(one, 2, "a")
    one.leave(was_probe=False, is_well=True)
    fail(one, 2, "a")
    assert one.is_closed
    fail(one, 1, "b")
    assert not one.is_closed


def test_a_success_in_between_starts_the_count_again() -> None:
    one = circuit(ManualClock())
    fail(one, 2)
    one.leave(was_probe=False, is_well=True)
    fail(one, 2)
    assert one.is_closed


def test_what_taught_nothing_neither_counts_nor_forgives() -> None:
    one = circuit(ManualClock())
    fail(one, 2)
    one.leave(was_probe=False, is_well=None)
    fail(one)
    assert not one.is_closed


def test_after_the_cool_down_one_probe_goes() -> None:
    clock = ManualClock()
    one = circuit(clock)
    fail(one, 3)
    clock.advance(4)
    assert one.blocked_seconds == 1
    clock.advance(1)
    assert one.blocked_seconds == 0
    assert one.enter()
    assert one.blocked_seconds == PROBE_WAIT_SECONDS


def test_a_probe_that_succeeds_closes_it_and_the_cool_down_starts_small_again() -> None:
    clock = ManualClock()
    one = circuit(clock)
    fail(one, 3)
    clock.advance(5)
    fail(one)
    assert one.blocked_seconds == 10
    clock.advance(10)
    one.leave(was_probe=one.enter(), is_well=True)
    assert one.is_closed
    fail(one, 3)
    assert one.blocked_seconds == 5


def test_the_cool_down_grows_to_its_ceiling() -> None:
    clock = ManualClock()
    one = circuit(clock)
    fail(one, 3)
    waits = []
    for _ in range(4):
        waits.append(one.blocked_seconds)
        clock.advance(one.blocked_seconds)
        fail(one)
    assert waits == [5, 10, 15, 15]


def test_a_cancelled_probe_makes_room_for_the_next() -> None:
    clock = ManualClock()
    one = circuit(clock)
    fail(one, 3)
    clock.advance(5)
    one.leave(was_probe=one.enter(), is_well=None)
    assert one.blocked_seconds == 0


def test_stragglers_neither_prolong_it_nor_end_the_probe() -> None:
    clock = ManualClock()
    one = circuit(clock)
    fail(one, 3)
    one.leave(was_probe=False, is_well=False)
    assert one.blocked_seconds == 5
    clock.advance(5)
    assert one.enter()
    one.leave(was_probe=False, is_well=None)
    assert one.blocked_seconds == PROBE_WAIT_SECONDS


def test_a_straggler_that_succeeds_closes_it() -> None:
    one = circuit(ManualClock())
    fail(one, 3)
    one.leave(was_probe=False, is_well=True)
    assert one.is_closed


def test_its_state_can_be_read() -> None:
    clock = ManualClock()
    one = circuit(clock)
    assert one.describe()["state"] == "closed"
    fail(one, 3)
    assert one.describe() == {"state": "open", "failures": 3, "retry_after_seconds": 5}
    clock.advance(5)
    assert one.describe()["state"] == "half_open"

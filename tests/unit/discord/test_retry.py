from collections.abc import Callable

import pytest

from services.discord.problems import Kind, Problem
from services.discord.retry import LONGEST_BACKOFF_SECONDS, MOST_LIMITED_IN_A_ROW, Again, Course, RetryPolicy
from services.errors import (
    ActionError,
    DeadlineExceeded,
    DiscordRejected,
    DiscordSaid,
    DiscordUnavailable,
    ErrorCode,
    OutcomeKind,
    OutcomeUnknown,
    RateLimited,
)
from services.ports import NONCE_SECONDS, Repeat, Reply
from tests.unit.discord.calls import UNKNOWN_MESSAGE, delivery

SAFE = [Repeat.SAME_EFFECT, Repeat.ALREADY_DONE]
REPEATABLE = [*SAFE, Repeat.WITH_NONCE]
ALL = list(Repeat)

type Making = Callable[[], Problem]


def unsent() -> Problem:
    return Problem(Kind.UNSENT, DiscordUnavailable("not reached"))


def lost() -> Problem:
    return Problem(Kind.IN_DOUBT, OutcomeUnknown("no answer"))


def failed() -> Problem:
    return Problem(Kind.IN_DOUBT, OutcomeUnknown("failed", discord=DiscordSaid(502, 0)))


def refused(code: int = 50013, status: int = 403) -> Problem:
    error = DiscordRejected(ErrorCode.DISCORD_MISSING_PERMISSIONS, "refused", discord=DiscordSaid(status, code))
    return Problem(Kind.REFUSED, error)


def gone() -> Problem:
    return refused(UNKNOWN_MESSAGE, 404)


def limited() -> Problem:
    error = RateLimited("limited", retry_after_seconds=3)
    error.discord = DiscordSaid(429, 0)
    return Problem(Kind.LIMITED, error)


def standstill() -> Problem:
    return Problem(
        Kind.STANDSTILL, DiscordUnavailable("overloaded", discord=DiscordSaid(503, 130000), retry_after_seconds=5)
    )


def course(
    repeat: Repeat, *, seconds: float = 100.0, retries: int = 3, delay: float = 1.0, jitter: float = 0.5
) -> Course:
    return Course(RetryPolicy(retries, delay, lambda: jitter), delivery(repeat, seconds=seconds, now=0.0))


def ended(result: Again | Reply | ActionError) -> ActionError:
    assert isinstance(result, ActionError)
    return result


@pytest.mark.parametrize("repeat", ALL)
def test_what_was_not_sent_is_tried_again_by_any_action(repeat: Repeat) -> None:
    one = course(repeat)
    assert isinstance(one.after(unsent(), 0, 0), Again)
    assert not one.is_in_doubt


@pytest.mark.parametrize("repeat", REPEATABLE)
def test_what_is_in_doubt_is_tried_again_where_that_is_safe(repeat: Repeat) -> None:
    one = course(repeat)
    assert isinstance(one.after(lost(), 0, 0), Again)
    assert one.is_in_doubt


def test_what_must_not_happen_twice_ends_at_the_first_doubt() -> None:
    error = ended(course(Repeat.NEVER).after(lost(), 0, 0))
    assert isinstance(error, OutcomeUnknown)
    assert error.detail == "no answer"


@pytest.mark.parametrize("repeat", ALL)
def test_a_refusal_ends_the_action_as_it_is(repeat: Repeat) -> None:
    problem = refused()
    assert course(repeat).after(problem, 0, 0) is problem.error


@pytest.mark.parametrize("repeat", ALL)
def test_a_standstill_is_tried_again_after_the_time_it_asks_for(repeat: Repeat) -> None:
    assert course(repeat).after(standstill(), 0, 0) == Again(5)


# ── how often, how slowly ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.parametrize("problem", [unsent, lost])
def test_attempts_are_counted(retries: int, problem: Making) -> None:
    one = course(Repeat.SAME_EFFECT, retries=retries)
    for _ in range(retries):
        assert isinstance(one.after(problem(), 0, 0), Again)
    assert isinstance(one.after(problem(), 0, 0), DiscordUnavailable)


def test_the_wait_doubles_and_is_spread() -> None:
    one = course(Repeat.SAME_EFFECT, jitter=0.5)
    assert [one.after(lost(), 0, 0) for _ in range(3)] == [Again(0.5), Again(1.0), Again(2.0)]


def test_the_wait_has_a_ceiling() -> None:
    policy = RetryPolicy(10, 60.0, lambda: 1.0)
    assert policy.backoff_seconds(10) == LONGEST_BACKOFF_SECONDS


def test_the_wait_is_random_from_nothing_to_the_whole_step() -> None:
    waits = [RetryPolicy(3, 1.0).backoff_seconds(2) for _ in range(500)]
    assert 0 <= min(waits) < 0.2
    assert 1.8 < max(waits) <= 2


def test_a_wait_that_would_pass_the_deadline_is_not_begun() -> None:
    one = course(Repeat.SAME_EFFECT, seconds=10)
    assert isinstance(one.after(unsent(), 0, 9.4), Again)
    assert isinstance(one.after(unsent(), 0, 9.4), DiscordUnavailable)


def test_a_longer_wait_that_discord_asks_for_is_kept() -> None:
    error = OutcomeUnknown("failed", discord=DiscordSaid(503, 0))
    error.retry_after_seconds = 7
    assert course(Repeat.SAME_EFFECT).after(Problem(Kind.IN_DOUBT, error), 0, 0) == Again(7)


def test_a_429_waits_in_the_limiter_and_is_no_attempt() -> None:
    one = course(Repeat.NEVER, retries=0)
    for _ in range(MOST_LIMITED_IN_A_ROW - 1):
        assert one.after(limited(), 0, 0) == Again(0)
    error = ended(one.after(limited(), 0, 0))
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 3


def test_only_429s_in_a_row_are_counted_together() -> None:
    one = course(Repeat.SAME_EFFECT, retries=10)
    for _ in range(3):
        for _ in range(MOST_LIMITED_IN_A_ROW - 1):
            assert one.after(limited(), 0, 0) == Again(0)
        assert isinstance(one.after(unsent(), 0, 0), Again)


# ── the nonce ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_nonce_bounds_the_time_from_the_attempt_in_doubt() -> None:
    one = course(Repeat.WITH_NONCE, seconds=300)
    one.after(unsent(), 0, 10)
    assert one.deadline == 300
    assert isinstance(one.after(lost(), 20, 50), Again)
    assert one.deadline == 20 + NONCE_SECONDS
    one.after(lost(), 60, 90)
    assert one.deadline == 20 + NONCE_SECONDS


def test_a_nonce_that_may_have_run_out_is_not_used_again() -> None:
    one = course(Repeat.WITH_NONCE, seconds=300)
    assert isinstance(one.after(lost(), 0, NONCE_SECONDS), OutcomeUnknown)


@pytest.mark.parametrize("repeat", SAFE)
def test_what_needs_no_nonce_has_all_its_time(repeat: Repeat) -> None:
    assert isinstance(course(repeat, seconds=300).after(lost(), 0, NONCE_SECONDS), Again)


# ── after a doubt ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_done_already_after_a_doubt_is_success() -> None:
    one = course(Repeat.ALREADY_DONE)
    one.after(lost(), 0, 0)
    assert one.after(gone(), 0, 0) == Reply(404, was_already_done=True)


def test_done_already_without_a_doubt_is_a_refusal() -> None:
    one = course(Repeat.ALREADY_DONE)
    one.after(unsent(), 0, 0)
    assert isinstance(one.after(gone(), 0, 0), DiscordRejected)


LATER = [unsent, lost, failed, refused, gone, standstill, limited]


@pytest.mark.parametrize("last", LATER)
@pytest.mark.parametrize("repeat", REPEATABLE)
def test_what_may_have_happened_is_never_reported_as_not_done(repeat: Repeat, last: Making) -> None:
    one = course(repeat)
    one.after(lost(), 0, 0)
    result: Again | Reply | ActionError = Again(0)
    for _ in range(20):
        result = one.after(last(), 0, 0)
        if not isinstance(result, Again):
            break
    if isinstance(result, Reply):
        assert repeat is Repeat.ALREADY_DONE
        assert last is gone
        return
    error = ended(result)
    assert error.outcome is OutcomeKind.UNKNOWN
    assert isinstance(error, DiscordUnavailable if repeat in SAFE else OutcomeUnknown)
    assert error.is_retryable is (repeat in SAFE)
    assert (error.retry_after_seconds is not None) is (repeat in SAFE)
    assert error.detail.startswith("no answer")


def test_a_message_deleted_between_two_attempts_is_unknown_not_refused() -> None:
    one = course(Repeat.WITH_NONCE)
    one.after(lost(), 0, 0)
    error = ended(one.after(gone(), 0, 0))
    assert isinstance(error, OutcomeUnknown)
    assert error.discord == DiscordSaid(404, UNKNOWN_MESSAGE)


@pytest.mark.parametrize("repeat", ALL)
def test_what_ends_an_action_before_it_was_sent_stays_what_it_is(repeat: Repeat) -> None:
    refusal = DeadlineExceeded()
    assert course(repeat).ending(refusal) is refusal


@pytest.mark.parametrize("repeat", REPEATABLE)
def test_what_ends_an_action_in_doubt_leaves_it_unsettled(repeat: Repeat) -> None:
    one = course(repeat)
    one.after(lost(), 0, 0)
    error = one.ending(RateLimited("full", retry_after_seconds=9))
    assert error.outcome is OutcomeKind.UNKNOWN
    assert error.retry_after_seconds == (9 if repeat in SAFE else None)
    assert error.detail == "no answer After that: full"


def test_unavailable_always_says_when_to_come_back() -> None:
    error = ended(course(Repeat.NEVER, retries=0).after(unsent(), 0, 0))
    assert isinstance(error, DiscordUnavailable)
    assert error.retry_after_seconds == 1.0
    assert error.outcome is OutcomeKind.NOT_SENT

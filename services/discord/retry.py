"""Whether an action is tried again after an attempt that did not succeed, and how it ends if not. Pure.

What an attempt tells (`problems.Kind`) and what a repeat would do (`ports.Repeat`) decide together:

                 SAME_EFFECT, ALREADY_DONE    WITH_NONCE                       NEVER
    unsent       again                        again                            again
    limited      again, no attempt counted    again                            again
    standstill   again                        again                            again
    in doubt     again                        again, while the nonce holds     outcome_unknown, at once
    refused      that refusal                 that refusal                     that refusal

"Again" means: after an exponential backoff with full jitter
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), while attempts are left, and only if the
next one begins inside the deadline. A 429 needs no backoff because the limiter waits it out; five in a row are an
answer, so that a limiter which knows no better cannot turn them into a flood.

Once an attempt was in doubt, a later success settles it, and so does a "done already" whose code the action
declares. Nothing else does: a refusal, a full queue or a passed deadline says nothing of the attempt that may have
worked. Such an action ends unsettled: `discord_unavailable` with outcome unknown where the caller may simply repeat,
else `outcome_unknown`. (A message's second attempt answered with 10008 is a case of it: the first one worked, and its
message was deleted since.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import random
from typing import Final

from services.discord.problems import Kind, Problem
from services.errors import ActionError, OutcomeUnknown, unsettled
from services.ports import NONCE_SECONDS, Delivery, Repeat, Reply

MOST_LIMITED_IN_A_ROW: Final = 5
LONGEST_BACKOFF_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how slowly. `jitter` gives a number from 0 up to 1."""

    max_retries: int
    delay_seconds: float
    jitter: Callable[[], float] = random

    def backoff_seconds(self, failures: int) -> float:
        """The wait after so many failures: somewhere between nothing and the full step."""
        full_step = self.delay_seconds * 2.0 ** (failures - 1)
        return self.jitter() * min(full_step, LONGEST_BACKOFF_SECONDS)


@dataclass(frozen=True, slots=True)
class Again:
    """The next attempt may begin after these seconds."""

    after_seconds: float


class Course:
    """The attempts of one action so far."""

    __slots__ = ("_already_done_codes", "_doubt", "_failures", "_limited_in_a_row", "_policy", "_repeat", "deadline")

    def __init__(self, policy: RetryPolicy, delivery: Delivery) -> None:
        self.deadline = delivery.deadline
        """When the next attempt must have begun; earlier than the action's own once a nonce may run out."""
        self._policy = policy
        self._repeat = delivery.repeat
        self._already_done_codes = delivery.already_done_codes
        self._failures = 0
        self._limited_in_a_row = 0
        self._doubt: ActionError | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether an attempt may have worked."""
        return self._doubt is not None

    @property
    def has_failed(self) -> bool:
        """Whether an attempt failed; being told to wait for a limit is no failure."""
        return self._failures > 0

    def after(self, problem: Problem, began: float, now: float) -> Again | Reply | ActionError:
        """What follows from an attempt that began at `began` and did not succeed."""
        if self._doubt is not None and problem.discord_code in self._already_done_codes:
            return Reply(problem.status or 0, was_already_done=True)
        self._remember(problem, began)
        if not self._may_go_on(problem.kind):
            return self.ending(problem.error)
        wait_seconds = self._wait_seconds(problem)
        if now + wait_seconds >= self.deadline:
            return self.ending(problem.error)
        return Again(wait_seconds)

    def ending(self, error: ActionError) -> ActionError:
        """The error the action ends with: `error` itself, unless an earlier attempt may have worked."""
        doubt = self._doubt
        if doubt is None:
            return _told_honestly(error)
        detail = doubt.detail if error.detail == doubt.detail else f"{doubt.detail} After that: {error.detail}"
        is_safe = self._repeat.is_safe_for_callers
        end = unsettled(is_safe_to_repeat=is_safe, detail=detail, discord=error.discord or doubt.discord)
        end.retry_after_seconds = error.retry_after_seconds or end.retry_after_seconds
        return _told_honestly(end)

    def _remember(self, problem: Problem, began: float) -> None:
        self._limited_in_a_row = self._limited_in_a_row + 1 if problem.kind is Kind.LIMITED else 0
        if problem.kind is not Kind.LIMITED:
            self._failures += 1
        if problem.kind is Kind.IN_DOUBT and self._doubt is None:
            self._doubt = problem.error
            if self._repeat is Repeat.WITH_NONCE:
                self.deadline = min(self.deadline, began + NONCE_SECONDS)

    def _may_go_on(self, kind: Kind) -> bool:
        match kind:
            case Kind.LIMITED:
                return self._limited_in_a_row < MOST_LIMITED_IN_A_ROW
            case Kind.REFUSED:
                return False
            case Kind.IN_DOUBT if self._repeat is Repeat.NEVER:
                return False
            case _:
                return self._failures <= self._policy.max_retries

    def _wait_seconds(self, problem: Problem) -> float:
        if problem.kind is Kind.LIMITED:
            return 0.0
        backoff_seconds = self._policy.backoff_seconds(self._failures)
        if problem.kind is Kind.UNSENT:  # nobody answered, so nobody asked for patience
            return backoff_seconds
        return max(backoff_seconds, problem.error.retry_after_seconds or 0.0)


def _told_honestly(error: ActionError) -> ActionError:
    """What must not be repeated never says when to come back."""
    if isinstance(error, OutcomeUnknown):
        error.retry_after_seconds = None
    return error

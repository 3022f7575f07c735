"""A circuit: after enough failures in a row nothing passes for a while, then one probe, then everything again.

While a service is down, every request to it costs its caller a timeout, and adds to the pile it has to climb out
from under. The cool-down doubles with every probe that fails. Requests that were under way when the circuit opened
cannot prolong it; one of them that succeeds closes it, because it proves the point.

A failure may be the fault of what was sent. So it names its possible causes, and of those that name the same one only
so many count that others must fail beside them. A failure that nothing sent can be blamed for names none, and counts.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from services.ports import Clock

PROBE_WAIT_SECONDS: Final = 1.0
"""How long those should wait who come while the probe is under way."""


class Circuit:
    """Counts failures in a row and says whether a request may go. Times in seconds.

    It opens at `threshold` failures, of which at most `most_of_one_cause` may name the same cause.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        threshold: int,
        most_of_one_cause: int,
        first_seconds: float,
        longest_seconds: float,
    ) -> None:
        self._clock = clock
        self._threshold = threshold
        self._most_of_one_cause = most_of_one_cause
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._cool_down_seconds = first_seconds
        self._failures = 0
        self._by_cause: Counter[Hashable] = Counter()
        self._open_until: float | None = None
        self._is_probing = False

    @property
    def is_closed(self) -> bool:
        return self._open_until is None

    @property
    def blocked_seconds(self) -> float:
        """How long from now nothing may go; 0 when a request may."""
        if self._open_until is None:
            return 0.0
        left = self._open_until - self._clock.monotonic()
        if left > 0:
            return left
        return PROBE_WAIT_SECONDS if self._is_probing else 0.0

    def enter(self) -> bool:
        """Called when a request goes, not before `blocked_seconds` is 0. True: it is the probe."""
        if self._open_until is None:
            return False
        self._is_probing = True
        return True

    def leave(self, *, was_probe: bool, is_well: bool | None, causes: Sequence[Hashable] = ()) -> None:
        """Called once for every `enter`. `is_well` is None where the request taught nothing, as if cancelled."""
        if was_probe:
            self._is_probing = False
        if is_well:
            self._close()
        elif is_well is False:
            self._count_failure(causes, was_probe=was_probe)

    def describe(self) -> Mapping[str, Any]:
        """The state an operator may see."""
        state = "closed" if self.is_closed else "open" if self.blocked_seconds else "half_open"
        return {"state": state, "failures": self._failures, "retry_after_seconds": round(self.blocked_seconds, 3)}

    def _close(self) -> None:
        self._failures = 0
        self._by_cause.clear()
        self._open_until = None
        self._cool_down_seconds = self._first_seconds

    def _count_failure(self, causes: Sequence[Hashable], *, was_probe: bool) -> None:
        if was_probe:
            self._cool_down_seconds = min(2 * self._cool_down_seconds, self._longest_seconds)
        if was_probe or (self.is_closed and self._is_one_too_many(causes)):
            self._open_until = self._clock.monotonic() + self._cool_down_seconds

    def _is_one_too_many(self, causes: Sequence[Hashable]) -> bool:
        if any(self._by_cause[cause] >= self._most_of_one_cause for cause in causes):
            return False
        self._by_cause.update(causes)
        self._failures += 1
        return self._failures >= self._threshold

"""The budget of invalid requests: 10 000 in ten minutes for an address, then Cloudflare bans it for everyone.

401, 403 and 429 count, a 429 of shared scope does not. What would overrun the budget is refused well before,
in steps: at half we warn; at 80 % nothing new is taken but moderation; at 90 % those who wait are refused as
well; at 95 % nothing goes.
https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from services.ports import Priority

WINDOW_SECONDS: Final = 600.0
SLICE_SECONDS: Final = 10.0
SLICES: Final = int(WINDOW_SECONDS / SLICE_SECONDS) + 1
"""One more than the window has: the youngest slice is never full."""
INVALID_STATUSES: Final = frozenset({401, 403, 429})


class Alert(IntEnum):
    """How much of the budget is gone."""

    NONE = 0
    HALF = 50
    NOTHING_NEW = 80
    ONLY_MODERATION = 90
    NOTHING = 95


class InvalidBudget:
    """Invalid requests of the last ten minutes, in slices of ten seconds. Times are monotonic seconds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.alert = Alert.NONE
        self._slices = [0] * SLICES
        self._newest = 0

    def count(self, status: int, scope: str | None, now: float) -> bool:
        """Counts a reply; true when that raised the alert."""
        if status not in INVALID_STATUSES or scope == "shared":
            return False
        self.turn(now)
        self._slices[self._newest % SLICES] += 1
        self.used += 1
        before, self.alert = self.alert, self._alert()
        return self.alert > before

    def turn(self, now: float) -> None:
        """Forgets what is older than the window."""
        slice_now = int(now // SLICE_SECONDS)
        if slice_now <= self._newest:
            return
        for passed in range(max(self._newest + 1, slice_now - SLICES + 1), slice_now + 1):
            self.used -= self._slices[passed % SLICES]
            self._slices[passed % SLICES] = 0
        self._newest = slice_now
        self.alert = self._alert()

    def adopt(self, counts: Mapping[int, int], now: float) -> bool:
        """Takes over what all replicas counted, by the age of the slice; true when that raised the alert."""
        self.turn(now)
        self._slices = [0] * SLICES
        for age, count in counts.items():
            if 0 <= age < SLICES:
                self._slices[(self._newest - age) % SLICES] = count
        self.used = sum(self._slices)
        before, self.alert = self.alert, self._alert()
        return self.alert > before

    def refused_for(self, priority: Priority, now: float) -> float | None:
        """Seconds until a new request of that priority is taken; None: it is taken now."""
        if self.alert < Alert.NOTHING_NEW:
            return None
        self.turn(now)
        bound = Alert.NOTHING if priority is Priority.MODERATION else Alert.NOTHING_NEW
        return self._below(bound, now) if self.alert >= bound else None

    def _alert(self) -> Alert:
        share = 100 * self.used / self.limit
        return max(alert for alert in Alert if share >= alert)

    def _below(self, bound: Alert, now: float) -> float:
        """Seconds until enough slices have passed."""
        left = self.used
        for age in range(SLICES - 1, -1, -1):
            left -= self._slices[(self._newest - age) % SLICES]
            if 100 * left / self.limit < bound:
                return (self._newest - age + SLICES) * SLICE_SECONDS - now
        return WINDOW_SECONDS

"""The two kinds of window a bucket can have. All times are seconds on the monotonic clock."""

import math
from typing import Protocol

TOLERANCE = 1e-9


class Window(Protocol):
    """One bucket's count."""

    limit: int

    def take(self, now: float) -> bool:
        """Uses one request, or says that none is left."""

    def remaining(self, now: float) -> int:
        """Whole requests left."""

    def reset_after(self, now: float) -> float:
        """Until the window is full again."""

    def retry_after(self, now: float) -> float:
        """Until one request is free; 0 when one is."""


class SlidingWindow:
    """A leaky bucket: one request comes back every `period / limit`."""

    def __init__(self, limit: int, period_seconds: float) -> None:
        self.limit = limit
        self._interval = period_seconds / limit
        self._full_at = -math.inf

    def take(self, now: float) -> bool:
        if self.retry_after(now) > 0:
            return False
        self._full_at = max(self._full_at, now) + self._interval
        return True

    def remaining(self, now: float) -> int:
        return max(0, math.floor(self.limit - self.reset_after(now) / self._interval + TOLERANCE))

    def reset_after(self, now: float) -> float:
        return max(0.0, self._full_at - now)

    def retry_after(self, now: float) -> float:
        wait = self.reset_after(now) - (self.limit - 1) * self._interval
        return wait if wait > TOLERANCE else 0.0


class FixedWindow:
    """A count that starts with the first request and is forgiven all at once."""

    def __init__(self, limit: int, period_seconds: float) -> None:
        self.limit = limit
        self._period_seconds = period_seconds
        self._ends_at = -math.inf
        self._used = 0

    def take(self, now: float) -> bool:
        if now >= self._ends_at:
            self._ends_at = now + self._period_seconds
            self._used = 0
        if self._used >= self.limit:
            return False
        self._used += 1
        return True

    def remaining(self, now: float) -> int:
        return self.limit if now >= self._ends_at else self.limit - self._used

    def reset_after(self, now: float) -> float:
        return max(0.0, self._ends_at - now)

    def retry_after(self, now: float) -> float:
        return 0.0 if self.remaining(now) else self.reset_after(now)

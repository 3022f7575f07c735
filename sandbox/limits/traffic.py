"""How many, in the last so many seconds."""

from collections import deque

MAX_KEPT = 100_000


class RollingCount:
    """Moments inside a window that ends now. A moment leaves when it is exactly one window old."""

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._moments: deque[float] = deque(maxlen=MAX_KEPT)
        self.busiest = 0

    def add(self, now: float) -> None:
        self._moments.append(now)
        self.busiest = max(self.busiest, self.count(now))

    def count(self, now: float) -> int:
        while self._moments and self._moments[0] <= now - self._window_seconds:
            self._moments.popleft()
        return len(self._moments)

    def leaves_after(self, now: float) -> float:
        """Seconds until the oldest moment leaves; 0 when there is none."""
        return max(0.0, self._moments[0] + self._window_seconds - now) if self._moments else 0.0

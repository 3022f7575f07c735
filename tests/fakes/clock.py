from datetime import UTC, datetime, timedelta


class ManualClock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self._start = datetime(2026, 1, 31, 12, tzinfo=UTC)
        self._seconds = 0.0

    def advance(self, seconds: float) -> None:
        self._seconds += seconds

    def monotonic(self) -> float:
        return self._seconds

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._seconds)

"""Time for the sandbox: one monotonic clock for limits, one wall clock for snowflakes and timestamps.

Both live in one object so that a test can move them together, and so that no module reads `time` by itself.
"""

import time
from typing import Protocol

DISCORD_EPOCH_MILLISECONDS = 1_420_070_400_000
"""First millisecond of a snowflake (https://discord.com/developers/docs/reference#snowflakes)."""


class Clock(Protocol):
    """What the sandbox asks of time."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def advance(self, seconds: float) -> None:
        """Moves both clocks forward."""


class SystemClock:
    """The machine's clocks, plus whatever a test has skipped with `advance`."""

    def __init__(self) -> None:
        self._skipped_seconds = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped_seconds

    def wall(self) -> float:
        return time.time() + self._skipped_seconds

    def advance(self, seconds: float) -> None:
        self._skipped_seconds += seconds


class ManualClock:
    """Clocks that stand still until `advance`: limits become exact arithmetic."""

    def __init__(self, monotonic: float = 1_000.0, wall: float = 1_750_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall += seconds


def snowflake_seconds(snowflake: str) -> float:
    """Creation time inside a snowflake, seconds since 1970."""
    return ((int(snowflake) >> 22) + DISCORD_EPOCH_MILLISECONDS) / 1000

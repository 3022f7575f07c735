"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time: `monotonic` in seconds for waits and deadlines, `now` in UTC for the record."""

    def monotonic(self) -> float: ...

    def now(self) -> datetime: ...

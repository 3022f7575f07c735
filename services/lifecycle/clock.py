"""Time as the system tells it."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Fulfils `services.ports.Clock`."""

    monotonic = staticmethod(time.monotonic)

    def now(self) -> datetime:
        return datetime.now(UTC)

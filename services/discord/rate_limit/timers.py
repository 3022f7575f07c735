"""The one thing the limiter needs of an event loop: to be called at a time of its own clock."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from services.ports import Clock


class Timer(Protocol):
    """A call that is due."""

    def cancel(self) -> None: ...


class Timers(Protocol):
    """Whoever calls at a time. There is one timer for each queue that waits, never one for each waiter."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Calls `callback` at `when`, on the limiter's clock, or a little later; never before."""
        ...


class LoopTimers:
    """The running event loop's timers. The loop's clock and ours may start from different zeros."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        loop = asyncio.get_running_loop()
        return loop.call_later(max(0.0, when - self._clock.monotonic()), callback)


class Alarm:
    """One timer that is set forward and back, and rings once."""

    __slots__ = ("_callback", "_timer", "_timers", "due_at")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self._timers = timers
        self._callback = callback
        self._timer: Timer | None = None
        self.due_at = 0.0

    def set(self, when: float) -> None:
        """Rings at `when` instead of whenever it was set to."""
        if self._timer is not None:
            if self.due_at == when:
                return
            self._timer.cancel()
        self.due_at = when
        self._timer = self._timers.call_at(when, self._ring)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._callback()

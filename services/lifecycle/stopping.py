"""The stop: asked for by a signal, and done within SHUTDOWN_PAUSE and SHUTDOWN_GRACE together, whatever hangs.

    signal ── pause ──┬── actions ─────────────────────┬─ answers ─┬─ letting go ─┬─ record ─┐ exit
                      └─ SHUTDOWN_GRACE ───────────────┴───────────┴──────────────┴──────────┘

    pause        ports stay open, load balancers look elsewhere
    actions      what runs may finish; then it is recorded as it stands
    answers      both servers send what was answered and close
    letting go   keys, limits, the connections to Discord
    record       rows into the table, or handed over; the journal synced; the threads of the database; Redis

All of that is one budget. A step that is done sooner leaves its time to the next, and none can take what is kept for
those after it. What does not end in its time is left behind: the journal has everything, and the threads that wait for
a disk or a database are daemons. Beyond the budget there is only the log's last batch (a sink that hangs has a bound of
its own) and the end of the process, which has a second (`ending`).

A second signal takes away the pause and the actions' time: what runs is recorded as it stands, at once. The steps that
are left have KEPT_SECONDS at most, so the process ends within that.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Final, Protocol

from services.budget import Budget
from services.telemetry import get_logger

ANSWERS_SECONDS: Final = 0.6
LETTING_GO_SECONDS: Final = 0.4
RECORD_SECONDS: Final = 1.5
KEPT_SECONDS: Final = ANSWERS_SECONDS + LETTING_GO_SECONDS + RECORD_SECONDS
"""What is kept of the grace for the steps after the actions; of a short grace it is half."""

log = get_logger(__name__)


class Stop:
    """A stop that may be asked for, and the time its steps have once it is: `on_asked` is told the whole of it."""

    def __init__(
        self, pause_seconds: float, grace_seconds: float, *, on_asked: Callable[[float], None] = lambda _: None
    ) -> None:
        self._grace_seconds = grace_seconds
        self._scale = min(1.0, grace_seconds / (2 * KEPT_SECONDS))
        self._whole: Budget | None = None
        self._whole_seconds = pause_seconds + grace_seconds
        self._on_asked = on_asked
        self.is_asked = asyncio.Event()
        self.is_hurried = asyncio.Event()

    def ask(self) -> None:
        """Asks for the stop; asked once more, it hurries."""
        whole = self.record
        if not self.is_asked.is_set():
            self._on_asked(self._whole_seconds)
            self.is_asked.set()
            return
        log.warning("stopping at once")
        whole.cut(self._scale * KEPT_SECONDS)
        self.is_hurried.set()

    @property
    def record(self) -> Budget:
        """The whole of it: the record comes last. Begins with the first question."""
        if self._whole is None:
            self._whole = Budget.of(self._whole_seconds)
        return self._whole

    @property
    def pause(self) -> Budget:
        return self.record.less(self._grace_seconds)

    @property
    def actions(self) -> Budget:
        return self.record.less(self._scale * KEPT_SECONDS)

    @property
    def answers_seconds(self) -> float:
        """What the answers have after the actions."""
        return self._scale * ANSWERS_SECONDS

    @property
    def answers(self) -> Budget:
        return self.record.less(self._scale * (LETTING_GO_SECONDS + RECORD_SECONDS))

    @property
    def letting_go(self) -> Budget:
        return self.record.less(self._scale * RECORD_SECONDS)


class Closing(Protocol):
    """What takes a budget to close."""

    async def start(self) -> None: ...

    async def close(self, budget: Budget) -> None: ...


class BoundedStack(AsyncExitStack):
    """An exit stack on which nothing takes longer to close than `stop` leaves it.

    What is entered after the record closes in the time of letting go, what was entered before it with the record.
    """

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop
        self._holds_record = False

    async def hold(self, part: Closing) -> None:
        """Starts a part of the record, which knows how to divide what is left when it closes."""
        await part.start()
        self._holds_record = True

        async def close() -> None:
            await part.close(self.stop.record)

        self.push_async_callback(close)

    async def enter_async_context[T](self, cm: AbstractAsyncContextManager[T, bool | None]) -> T:
        """As of any exit stack; what does not close in its time is left as it is."""
        value = await cm.__aenter__()
        closes_last = not self._holds_record

        async def leave(
            kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
        ) -> bool | None:
            try:
                async with (self.stop.record if closes_last else self.stop.letting_go).within():
                    return await cm.__aexit__(kind, exc, traceback)
            except TimeoutError:
                log.warning("it did not close in time", what=type(cm).__name__)
                return None

        self.push_async_exit(leave)
        return value

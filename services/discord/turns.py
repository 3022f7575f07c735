"""One action at a time for what must not be changed by two at once, such as the roles of one member.

Role writes on one member that overlap are lost (discord-api-docs issue 6289). And an action that is tried again would
undo what was asked for after it: a role whose adding got no answer, and which was removed meanwhile, would be there
again. So an action has its turn from its first attempt until it has ended, the pauses between its attempts included.
Who wants the same entity waits: moderation first, then in the order of arrival.

Only moderation goes in between, while no attempt is under way: a ban waits neither for a role's backoff nor for its
limit, and no attempt that follows can undo it. Whoever was in the midst of its turn then goes on before all others of
its priority.

Turns are known to this replica alone.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from services.errors import DeadlineExceeded, Overloaded
from services.ports import Clock, Delivery, Priority

MOST_WAITING: Final = 1_000
MOST_OF_A_CALLER: Final = MOST_WAITING // 2
OVERLOADED_SECONDS: Final = 1.0
PASSED: Final = "The deadline passed while another action on the same entity was under way."


@dataclass(slots=True, order=True)
class Turn:
    """One action's turn. While no attempt is under way it is `resting`."""

    priority: Priority
    order: int
    entity: str = field(compare=False)
    client_id: str = field(compare=False)
    deadline: float = field(compare=False)
    is_resting: bool = field(default=True, compare=False)
    granted: asyncio.Future[None] | None = field(default=None, compare=False)

    def yields_to(self, other: "Turn") -> bool:
        """Whether the other may go in between."""
        return self.is_resting and other.priority is Priority.MODERATION and self.priority is not Priority.MODERATION


@dataclass(slots=True)
class _Line:
    holder: Turn
    waiting: list[Turn] = field(default_factory=list)


class Turns:
    """Who has the turn at each entity, and who waits for it.

    At most MOST_WAITING wait for one, and half as many of one caller for all; moderation finds room beyond.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._waiting_of = Counter[str]()
        self._order = count()

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def waiting_count(self) -> int:
        return self._waiting_of.total()

    def of(self, entity: str | None, delivery: Delivery) -> Turn | None:
        """A turn for an action, to be ended with `leave`; None where none is needed, which everything here takes."""
        if entity is None:
            return None
        return Turn(delivery.priority, next(self._order), entity, delivery.client_id, delivery.deadline)

    async def take(self, turn: Turn | None) -> None:
        """Waits until it is the turn's time. Raises DeadlineExceeded, or Overloaded when too many wait already."""
        if turn is None:
            return
        line = self._lines.get(turn.entity)
        if line is None:
            self._lines[turn.entity] = _Line(turn)
        elif line.holder is not turn and line.holder.yields_to(turn):
            self._hand_over(line, turn)
        elif line.holder is not turn:
            await self._wait(line, turn)

    def begin(self, turn: Turn | None) -> bool:
        """An attempt begins, and nobody goes in between. False: somebody has, and the turn is to be taken again."""
        if turn is not None:
            turn.is_resting = self._lines[turn.entity].holder is not turn
        return turn is None or not turn.is_resting

    def rest(self, turn: Turn | None) -> None:
        """An attempt has ended, and another follows later."""
        if turn is None:
            return
        turn.is_resting = True
        line = self._lines[turn.entity]
        if line.waiting and turn.yields_to(line.waiting[0]):
            self._hand_over(line, heappop(line.waiting))

    def leave(self, turn: Turn | None) -> None:
        """The action has ended: the next in line has its turn."""
        if turn is None or (line := self._lines.get(turn.entity)) is None:
            return
        if line.holder is not turn:
            _take_out(line, turn)
        elif line.waiting:
            self._let(line, heappop(line.waiting))
        else:
            del self._lines[turn.entity]

    def _hand_over(self, line: _Line, turn: Turn) -> None:
        """Lets `turn` go in between: who rests has its place in the line meanwhile."""
        heappush(line.waiting, line.holder)
        self._let(line, turn)

    def _let(self, line: _Line, turn: Turn) -> None:
        line.holder = turn
        if turn.granted is not None and not turn.granted.done():
            turn.granted.set_result(None)

    async def _wait(self, line: _Line, turn: Turn) -> None:
        if turn not in line.waiting:  # as it is when moderation went in between
            self._check_bounds(line, turn)
            heappush(line.waiting, turn)
        turn.granted = asyncio.get_running_loop().create_future()
        self._waiting_of[turn.client_id] += 1
        try:
            async with asyncio.timeout(turn.deadline - self._clock.monotonic()):
                await turn.granted
        except TimeoutError:
            raise DeadlineExceeded(PASSED) from None
        finally:
            turn.granted = None
            self._waiting_of[turn.client_id] -= 1
            if not self._waiting_of[turn.client_id]:
                del self._waiting_of[turn.client_id]

    def _check_bounds(self, line: _Line, turn: Turn) -> None:
        if len(line.waiting) >= turn.priority.room_in(MOST_WAITING):
            raise Overloaded("Too many actions on the same entity wait.", retry_after_seconds=OVERLOADED_SECONDS)
        if self._waiting_of[turn.client_id] >= turn.priority.room_in(MOST_OF_A_CALLER):
            raise Overloaded("Too many of your actions wait for each other.", retry_after_seconds=OVERLOADED_SECONDS)


def _take_out(line: _Line, turn: Turn) -> None:
    if turn in line.waiting:
        line.waiting.remove(turn)
        heapify(line.waiting)

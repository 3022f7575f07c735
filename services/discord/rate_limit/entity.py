"""One request at a time for what must not be changed by two at once.

Role writes on one member that overlap are lost (discord-api-docs issue 6289), and two edits must arrive in
the order they were accepted in. An entity is held from the moment its request stands in a bucket's line until
the permit is complete.
"""

from services.discord.rate_limit.queue import Line, Waiter


class Entities:
    """Who holds which entity, and who waits for it."""

    def __init__(self) -> None:
        self._lines: dict[str, Line | None] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def hold(self, entity: str) -> bool:
        """Take a free entity; False when it is held."""
        if entity in self._lines:
            return False
        self._lines[entity] = None
        return True

    def is_held(self, entity: str) -> bool:
        return entity in self._lines

    def wait(self, entity: str, waiter: Waiter) -> None:
        """Stand in the line of a held entity."""
        line = self._lines[entity]
        if line is None:
            line = self._lines[entity] = Line()
        line.push(waiter)

    def left(self, entity: str, waiter: Waiter) -> None:
        """A waiter of the entity's line waits no longer."""
        line = self._lines.get(entity)
        if line is not None:
            line.left(waiter)

    def release(self, entity: str) -> Waiter | None:
        """Give the entity to the first in its line and return that one; None: it is free."""
        line = self._lines.get(entity)
        successor = line.pop() if line is not None else None
        if successor is None:
            self._lines.pop(entity, None)
        return successor

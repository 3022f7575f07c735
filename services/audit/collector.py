"""Brings the rows that ended processes left in Redis into the table.

Every replica looks, and none while its own database is away. Rows are claimed for a time: who dies with them only
delays them. They are dropped there once they are in the table here, so at worst a row is shipped twice.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from services.audit.journal.adopter import RowQueue
from services.audit.journal.row import Lot
from services.audit.rows import action_id_of
from services.audit.shelf import RedisShelf
from services.redis_link import RedisAway
from services.telemetry import get_logger

LOOK_SECONDS: Final = 5.0
JITTER: Final = 0.2

log = get_logger(__name__)


class Collector:
    """Its owner runs `run` as a task and cancels it. Counts what it brought in."""

    def __init__(self, shelf: RedisShelf, queue: RowQueue, is_welcome: Callable[[], bool]) -> None:
        self._shelf = shelf
        self._queue = queue
        self._is_welcome = is_welcome
        self.rows = 0

    async def run(self) -> None:
        """Looks for rows and ships them, for ever."""
        while True:
            try:
                while self._is_welcome() and (rows := await self._shelf.claim()):
                    await self._ship(_named(rows))
            except RedisAway as exc:
                log.debug("rows of ended processes cannot be looked for", reason=exc.reason)
            await asyncio.sleep(LOOK_SECONDS * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 -- spreads load

    async def _ship(self, rows: Mapping[str, bytes]) -> None:
        await self._queue.has_become_short()
        lot, now = Lot(), time.monotonic()
        for row in rows.values():
            self._queue.put(lot.holding(row, now))
        await lot.settled_all()
        left = await self._shelf.drop(tuple(rows))
        self.rows += len(rows)
        log.info("rows of ended processes were collected from redis", rows=len(rows), left=left)


def _named(rows: Sequence[bytes]) -> dict[str, bytes]:
    """The rows by their actions. What is no row is not ours: it is reported and left where it is."""
    named: dict[str, bytes] = {}
    for row in rows:
        try:
            named[action_id_of(row)] = row
        except (ValueError, KeyError, TypeError):
            log.error("there is something in redis that is no row", size_bytes=len(row))  # noqa: TRY400 -- no traceback
    return named

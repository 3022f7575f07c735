"""Where rows go when the process must end and the database is away."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import orjson

from services.telemetry import Event, get_logger

LINES_AT_ONCE: Final = 2000
LINES_PAUSE_SECONDS: Final = 0.1
"""The log drops lines that come faster than it writes; rows must not be dropped."""

log = get_logger(__name__)


class Handover(Protocol):
    """Takes rows over from a process that ends."""

    async def take(self, rows: Sequence[bytes]) -> bool:
        """Takes rows, JSON objects by column.

        True when somebody will bring them into the table; they then need not stay in the journal.
        """
        ...


class AuditLines:
    """One AUDIT line a row. Nobody reads them by themselves, so what is in the journal stays there too."""

    async def take(self, rows: Sequence[bytes]) -> bool:
        for number, row in enumerate(rows, 1):
            log.error("a row that is not in the table", event=Event.AUDIT, row=orjson.loads(row))
            if not number % LINES_AT_ONCE:
                await asyncio.sleep(LINES_PAUSE_SECONDS)
        return False

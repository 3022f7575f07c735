"""A second program beside the one that is put to the proof: same machine, same time, a database that stays well.

What slows its answers down is no outage of a database but everything else: the machine, the callers, the sandbox.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from tests.prove.record.load import Told, callers_of
from tests.support.postgres import PostgresServer
from tests.support.process import serving_program

PREFIX = "twin-"


@asynccontextmanager
async def twin_of(variables: dict[str, str], folder: Path, per_second: float) -> AsyncIterator[Told]:
    """What the callers of a program with the same `variables` but a server of its own in `folder` are told."""
    server, told, is_over = PostgresServer(folder), Told(), asyncio.Event()
    await asyncio.to_thread(server.start)
    try:
        own = {"DATABASE_URL": server.create_database(), "JOURNAL_DIR": str(folder / "journal")}
        async with (
            serving_program(variables | own) as started,
            callers_of(started, told, count(), PREFIX) as callers,
        ):
            load = asyncio.create_task(callers.ask_steadily(per_second, is_over))
            yield told
            is_over.set()
            await load
            started.signal(signal.SIGTERM)
            assert await started.ends() == 0
    finally:
        await asyncio.to_thread(server.stop)
    assert (told.codes, told.unanswered) == ({"ok": len(told.answers)}, 0)

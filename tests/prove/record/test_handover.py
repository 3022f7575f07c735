"""A replica stops while the database is away, and its disk goes with it: another replica has its rows."""

import asyncio
import shutil
import signal
from itertools import count
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.prove.evidence import keep
from tests.prove.record.counts import has_rows, judge, posted, rows_in
from tests.prove.record.load import Told, callers_of
from tests.prove.record.test_stops import database
from tests.support.postgres import PostgresServer
from tests.support.process import serving_program

AT_ONCE = 10
BEFORE_SECONDS, AFTER_SECONDS = 0.3, 0.5


@pytest.mark.parametrize("state", ["stopped", "frozen"])
async def test_rows_outlive_the_replica_and_its_disk(
    variables: dict[str, str],
    sandbox: Sandbox,
    postgres_server: PostgresServer,
    valkey_url: str,
    tmp_path: Path,
    state: str,
) -> None:
    told = Told()
    shared = variables | {"REDIS_URL": valkey_url}
    first, second = ({**shared, "JOURNAL_DIR": str(tmp_path / name)} for name in ("first", "second"))
    async with serving_program(second) as lives:
        async with serving_program(first) as started, callers_of(started, told, count()) as callers:
            load = asyncio.create_task(callers.ask_until_it_is_gone(AT_ONCE))
            await asyncio.sleep(BEFORE_SECONDS)
            async with database(postgres_server, state):
                await asyncio.sleep(AFTER_SECONDS)
                started.signal(signal.SIGTERM)
                assert await started.ends() == 0
                await load
                await asyncio.to_thread(shutil.rmtree, tmp_path / "first")
        collected = await lives.says("rows of ended processes were collected from redis")
        await has_rows(variables["DATABASE_URL"], len(told.action_ids))
        lives.signal(signal.SIGTERM)
        assert await lives.ends() == 0
    figures = judge(await rows_in(variables["DATABASE_URL"]), posted(sandbox), told.action_ids)
    keep(
        f"a replica stops with the database {state}, its journal is deleted, another has REDIS_URL in common",
        "answered = recorded",
        **figures,
        collected_at_first=str(collected["rows"]),
    )
    assert figures["rows"] == figures["answered"]
    assert not [line for line in started.lines if line.get("event") == "AUDIT" and line.get("level") == "ERROR"]

"""Reading the record of the real process: an export in constant memory, and old rows that go."""

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import psycopg2
import pytest

from config import Secret
from sandbox import Sandbox
from services.audit import retention
from services.database import Database
from tests.support.module import environment, running_module, token
from tests.support.process import Program, serving_program

ROWS = 50_000
MEBIBYTE = 1024 * 1024
FILL = """
INSERT INTO discord_actions (action_type, action_id, created_at, client_id, success, outcome, channel_id, request_data)
SELECT 'send_message', 'id-' || i, {time}, 'router', TRUE, 'delivered', '123', {data} FROM {numbers}
"""
DATA = """'{"channel_id": "123", "content": "' || PAD || '"}'"""
ON_POSTGRESQL = FILL.format(
    time="timestamp '2026-01-01' + i * interval '1 second'",
    data=f"({DATA.replace('PAD', "repeat('x', 600)")})::jsonb",
    numbers=f"generate_series(1, {ROWS}) AS i",
)
NUMBERS = f"WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {ROWS})"  # noqa: S608 -- ours
ON_SQLITE = NUMBERS + FILL.format(
    time="strftime('%Y-%m-%d %H:%M:%f000', '2026-01-01', i || ' seconds')",
    data=DATA.replace("PAD", "hex(zeroblob(300))"),
    numbers="numbers",
)


async def fill(url: str) -> None:
    async with Database(Secret(url)):
        pass
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(ON_SQLITE)
    else:
        with closing(psycopg2.connect(url)) as other, other, other.cursor() as cursor:
            cursor.execute(ON_POSTGRESQL)


def resident_bytes(started: Program) -> int:
    lines = Path(f"/proc/{started.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


async def export(started: Program, query: str = "") -> tuple[int, int, int]:
    """Lines, bytes, and the most memory the process had meanwhile."""
    lines = size = 0
    most = resident_bytes(started)
    headers = {"Authorization": f"Bearer {token()}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{started.rest_url}/api/v1/actions/export{query}") as response,
    ):
        assert response.status == 200, await response.text()
        async for chunk in response.content.iter_any():
            lines, size = lines + chunk.count(b"\n"), size + len(chunk)
            most = max(most, resident_bytes(started))
    return lines, size, most


async def test_an_export_takes_no_more_memory_the_longer_it_is(sandbox: Sandbox, database_url: str) -> None:
    await fill(database_url)
    async with serving_program(environment(sandbox, database_url)) as started:
        lines, _, _ = await export(started, "?until=2026-01-01T00:20:00")
        assert lines == 1199
        before = resident_bytes(started)
        lines, size, most = await export(started)
        assert lines == ROWS
        assert size > 40 * MEBIBYTE
        assert most - before < 20 * MEBIBYTE
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0


async def test_an_export_that_a_stop_interrupts_is_cut(sandbox: Sandbox, sqlite_url: str) -> None:
    await fill(sqlite_url)
    async with serving_program(environment(sandbox, sqlite_url, SHUTDOWN_GRACE="1")) as started:
        headers = {"Authorization": f"Bearer {token()}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{started.rest_url}/api/v1/actions/export") as response,
        ):
            first = await response.content.readline()
            assert json.loads(first)["action_id"] == "id-1"
            started.signal(signal.SIGTERM)
            assert await started.ends() == 0
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()


async def test_old_rows_go_when_the_operator_says_so(
    sandbox: Sandbox, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FIRST_SECONDS", 0.05)
    old = "INSERT INTO discord_actions (action_type, action_id, created_at) VALUES ('ban_user', 'old', '2020-01-01')"
    for days, is_kept in (("", True), ("30", False)):
        async with Database(Secret(sqlite_url)) as database:
            await database.writer.run(lambda s: s.execute(old + " ON CONFLICT DO NOTHING"), 5)
        async with running_module(sandbox, sqlite_url, AUDIT_RETENTION_DAYS=days) as module:
            if is_kept:
                await asyncio.sleep(0.5)
                assert await module.house.query.one("old") is not None
            else:
                async with asyncio.timeout(20):
                    while await module.house.query.one("old") is not None:  # noqa: ASYNC110 -- a table has no event
                        await asyncio.sleep(0.05)

"""What stands at the sandbox and in the table afterwards, told apart by the text of each message."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg2

from sandbox import Sandbox
from tests.prove.record.load import PREFIX

SHIPPED_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table, as far as it is counted."""

    action_id: str
    outcome: str
    text: str


def posted(sandbox: Sandbox) -> Counter[str]:
    """How often each text stands in any channel."""
    channels = sandbox.world.channels.values()
    texts = (message.content for channel in channels for message in channel.messages.values())
    return Counter(text for text in texts if text.startswith(PREFIX))


async def rows_in(url: str) -> list[Row]:
    """Every row."""
    sql = "SELECT action_id, outcome, coalesce(request_data ->> 'content', '') FROM discord_actions"
    return [Row(*found) for found in await asyncio.to_thread(_fetched, url, sql)]


async def count_in(url: str) -> int:
    """How many rows there are."""
    ((number,),) = await asyncio.to_thread(_fetched, url, "SELECT count(*) FROM discord_actions")
    return int(number)


async def has_rows(url: str, number: int, within_seconds: float = SHIPPED_WITHIN_SECONDS) -> float:
    """Waits until the table has so many rows; gives the seconds that took."""
    began = time.monotonic()
    while (found := await count_in(url)) < number:
        assert time.monotonic() - began < within_seconds, f"{found} of {number} rows after {within_seconds} s"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def _fetched(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    finally:
        connection.close()


def judge(rows: list[Row], messages: Counter[str], answered: set[str]) -> dict[str, int]:
    """Holds the table against the sandbox, text by text; gives what was counted. Raises AssertionError."""
    outcomes = Counter(row.outcome for row in rows)
    by_text = {row.text: row.outcome for row in rows}
    figures = {"messages": messages.total(), "rows": len(rows), "answered": len(answered), **outcomes}
    assert len(by_text) == len({row.action_id for row in rows}) == len(rows), figures
    assert max(messages.values(), default=0) <= 1, [text for text, times in messages.items() if times > 1]
    assert outcomes["delivered"] <= messages.total() <= outcomes["delivered"] + outcomes["unknown"], figures
    told_of = {text for text, outcome in by_text.items() if outcome in {"delivered", "unknown"}}
    assert messages.keys() <= told_of, sorted(messages.keys() - told_of)[:5]
    delivered = {text for text, outcome in by_text.items() if outcome == "delivered"}
    assert delivered <= messages.keys(), sorted(delivered - messages.keys())[:5]
    without_row = answered - {row.action_id for row in rows}
    assert without_row == set(), sorted(without_row)[:5]
    return figures

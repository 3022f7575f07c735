"""Rows of processes that had to end while the database was away, kept in Redis until some replica has shipped them.

    give    a row once, under its action's id; a full shelf takes no more
    claim   the oldest rows that nobody has claimed, for LEASE_SECONDS: should the claimant die, they are free again
    drop    what the table has

Nothing here expires: a row stays until it is in the table, however long the database is away (so Redis needs
`noeviction` or `volatile-ttl`, and a disk where it must survive its own restart). Rows hold no secrets; they are
redacted before they reach the journal. The journal keeps what was given, too: shipping a row twice does no harm, and
whichever of the two is lost, the other has it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from services.audit.handover import AuditLines, Handover
from services.audit.rows import action_id_of
from services.redis_link import RedisAway, RedisLink, Script
from services.telemetry import get_logger

LEASE_SECONDS: Final = 60.0
GIVE_SECONDS: Final = 0.3
"""A Redis that answers no sooner leaves no time for the lines of the log."""
MOST_ROWS: Final = 200_000
MOST_BYTES: Final = 128 * 1024 * 1024
ROWS_AT_ONCE: Final = 250
BYTES_AT_ONCE: Final = 512 * 1024

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
"""

GIVE: Final = Script(
    _NOW
    + """
local rows, due, size = KEYS[1], KEYS[2], KEYS[3]
local most_rows, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local taken = 0
for i = 3, #ARGV, 2 do
  local id, row = ARGV[i], ARGV[i + 1]
  if redis.call('HEXISTS', rows, id) == 0 then
    local bytes = tonumber(redis.call('GET', size) or '0')
    if redis.call('HLEN', rows) >= most_rows or bytes + #row > most_bytes then return taken end
    redis.call('HSET', rows, id, row)
    redis.call('INCRBY', size, #row)
    redis.call('ZADD', due, whole(now), id)
  end
  taken = taken + 1
end
return taken
"""
)

CLAIM: Final = Script(
    _NOW
    + """
local rows, due = KEYS[1], KEYS[2]
local lease_ms, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[3])
local claimed, bytes = {}, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', whole(now), 'LIMIT', 0, ARGV[2])) do
  local row = redis.call('HGET', rows, id)
  if row then
    redis.call('ZADD', due, whole(now + lease_ms), id)
    claimed[#claimed + 1] = row
    bytes = bytes + #row
    if bytes >= most_bytes then break end
  else
    redis.call('ZREM', due, id)
  end
end
return claimed
"""
)

DROP: Final = Script(
    """
local rows, due, size = KEYS[1], KEYS[2], KEYS[3]
for _, id in ipairs(ARGV) do
  local bytes = redis.call('HSTRLEN', rows, id)
  if redis.call('HDEL', rows, id) == 1 then redis.call('DECRBY', size, bytes) end
  redis.call('ZREM', due, id)
end
return redis.call('HLEN', rows)
"""
)

log = get_logger(__name__)


class RedisShelf:
    """Fulfils `Handover`: what Redis does not take becomes lines of the log. All replicas of a bot share it."""

    def __init__(
        self,
        link: RedisLink,
        *,
        otherwise: Handover | None = None,
        lease_seconds: float = LEASE_SECONDS,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._link = link
        self._otherwise = otherwise or AuditLines()
        self._lease_seconds = lease_seconds
        self._bounds = (most_rows, most_bytes)
        self._names = tuple(link.key("handover", part) for part in ("rows", "due", "size"))

    async def take(self, rows: Sequence[bytes]) -> bool:
        taken = 0
        try:
            for batch in _batches(rows):
                async with asyncio.timeout(GIVE_SECONDS):
                    given = await self._give(batch)
                taken += given
                if given < len(batch):
                    log.error("redis holds as many rows of ended processes as it may", rows=taken)
                    break
        except (RedisAway, TimeoutError) as exc:
            log.warning("rows cannot be handed over through redis", reason=str(exc) or "no answer", rows=len(rows))
        else:
            log.info("rows were handed over through redis", rows=taken)
        return await self._otherwise.take(rows[taken:]) if taken < len(rows) else False

    async def claim(self) -> list[bytes]:
        """The oldest rows that nobody else has claimed, for the length of a lease. Raises RedisAway."""
        bounds = (round(self._lease_seconds * 1000), ROWS_AT_ONCE, BYTES_AT_ONCE)
        return [row.encode() for row in await self._link.run(CLAIM, self._names[:2], bounds)]

    async def drop(self, action_ids: Sequence[str]) -> int:
        """Forgets rows that the table has; how many are left. Raises RedisAway."""
        return int(await self._link.run(DROP, self._names, action_ids))

    async def _give(self, rows: Sequence[bytes]) -> int:
        named = [text for row in rows for text in (action_id_of(row), row.decode())]
        return int(await self._link.run(GIVE, self._names, (*self._bounds, *named)))


def _batches(rows: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size_bytes = 0
    for row in rows:
        batch.append(row)
        size_bytes += len(row)
        if len(batch) >= ROWS_AT_ONCE or size_bytes >= BYTES_AT_ONCE:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch

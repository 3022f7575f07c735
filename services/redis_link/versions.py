"""Whether the Redis is new enough, asked once at the start; an older one is worth a warning, and the start goes on.

Our scripts read the server's clock before they write, which a Redis before 5 refuses, and TLS and users with rights of
their own came with 6. So did HELLO (https://redis.io/docs/latest/commands/hello/), which needs no right and tells the
version. Valkey begins with 7.2.
"""

import re
from collections.abc import Sequence
from typing import Final

from services.redis_link.link import RedisAway, RedisLink
from services.telemetry import get_logger

OLDEST: Final = (6, 0)

log = get_logger(__name__)


async def note_version(link: RedisLink) -> None:
    """Warns of a server that is too old, or will not say. One that is away is not asked."""
    try:
        told = await link.do("HELLO")
    except RedisAway as exc:
        if not link.is_away:
            log.warning("redis does not tell its version; 6.0 or later is needed", reason=exc.reason)
        return
    if is_too_old(version := version_in(told)):
        log.warning("redis is too old; 6.0 or later is needed", version=version)


def version_in(told: Sequence[object]) -> str:
    """The version in the answer to HELLO, names and values in turn; empty where there is none."""
    return str(dict(zip(told[::2], told[1::2], strict=False)).get("version", ""))


def is_too_old(version: str) -> bool:
    """Whether a version, such as 5.0.14, is older than what is needed. What cannot be read is not."""
    read = re.match(r"(\d+)\.(\d+)", version)
    return read is not None and (int(read[1]), int(read[2])) < OLDEST

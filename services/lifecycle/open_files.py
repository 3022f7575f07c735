"""Room for as many connections as the settings allow: each is an open file.

Processes are started with a soft limit of 1024, which is there for programs that use `select(2)`, and a hard one far
above it, up to which each may go by itself: https://0pointer.net/blog/file-descriptor-limits.html. So it is for
containers since containerd 2.0 and Docker 25. Without more room a thousand idle connections would be enough to keep
the module from Discord, from its database and from its own journal.
"""

import resource
from typing import Final

from config import Settings
from services.telemetry import get_logger

SPARE: Final = 256
"""What is open beside connections of callers and to Discord: the journal, logs, database, Redis, libraries."""

log = get_logger(__name__)


def make_room(settings: Settings) -> None:
    """Raises this process's limit as far as needed and allowed, and says so when that is not enough."""
    callers = settings.servers.rest_max_connections + settings.servers.grpc_max_connections
    wanted = SPARE + callers + settings.discord.max_concurrent_requests
    allowed = raise_limit(wanted)
    if allowed < wanted:
        log.warning("fewer files may be open than the settings allow connections", wanted=wanted, allowed=allowed)


def raise_limit(wanted: int) -> int:
    """Lets so many files be open, or as many as are allowed; never fewer than before. Gives how many may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed

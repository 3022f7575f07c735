"""The limits of one bot, kept by all its replicas together through Redis.

**What is shared.** For every lane: what replies taught of its windows, as one value with a version, and the set of
requests in flight. The places of the token's limit (and of each channel's ceiling), in a sorted set by the time they
come free. Pauses, the budget of invalid requests, webhooks in quarantine, and who is there. `exchange.lua` is the one
script; its clock is Redis's, all it holds expires, and everything a bot shares lies in one slot of a cluster.

**Who decides.** Each replica keeps its own queue and decides by its copy who might go next (so priority and order are
kept within a replica); the script grants what still holds (`ledger`). The arithmetic of windows is written once, in
Python: Redis compares versions, it does not compute. A window's instants are told on Redis's clock (`redis_time`).

**What is never granted twice.** A place of the token is taken by the script and comes free a second after the reply
was here, by the script's clock: no two replicas' clocks are compared. Nothing is reserved ahead of a request that is
ready to leave, so an idle replica holds nothing back from a busy one.

**What if.** A replica dies: its places come free when their lease ends, what it had in flight counts as sent. Redis is
slow, away, restarted or emptied: `connection`. The wall clock of the Redis server is taken to run evenly; a step makes
windows look open too early or too late by as much, once.
"""

from services.discord.rate_limit.shared.limiter import RedisRateLimiter

__all__ = ["RedisRateLimiter"]

"""Never over Discord's limits, and nearly all of the allowance used.

**What Discord says.** Most replies show the window their request was counted in: how many it holds, how many
are left, how long until it is full again, and a hash that names the kind of bucket. A 429 adds how long to
wait and whose limit it was. https://discord.com/developers/docs/topics/rate-limits

**What it does not say**, and what is assumed here instead. A wrong assumption costs one 429 or a little time:

- *Which requests share a window.* The hash leaves out the channel or guild that Discord also counts by, and
  routes with one hash are known to count apart (discord-api-docs issues 1442, 8073). So the hash is a hint:
  what is counted together is a method, a route, a variant and a major parameter (`port.Lane`), known to us
  before the first reply. A reply with another hash opens a second window beside the first.
- *Whether the window slides.* Since 2022 most are leaky buckets that give one request back at a time, some
  still give all back at once, and one reply looks the same (issue 7680). `window` learns it from successive
  replies and takes the kind that is safe for both until then.
- *What only a 429 shows.* Limits below a route that no header mentions: all webhooks of a channel, a
  channel's name, deletions by age (issues 1454, 2190, 8330). Such a 429 shows another hash, or leaves some
  remaining. It parks the lane that met it; a shared one, caused by others, does too, and neither makes us
  doubt the window.
- *When a request was counted.* At some instant between its leaving and its reply. Every bound here is built
  so that it holds for the worst of these instants, and so that the slack is paid once and not per request
  (`window`, `global_limit`).
- *Routes without a limit* say nothing at all: a success without headers opens the lane.

**What lies above the windows.** The token's requests per second over all routes, from which webhooks (they
carry no token) are exempt; it is counted by the receiver, so latency's jitter must not break it
(`global_limit`). The budget of invalid requests, after which Cloudflare bans our address for everyone
(`invalid`). And Cloudflare itself, which answers without Discord's `Via` and often without saying for how
long (`pauses`).

**The way of a request**: bucket and channel ceiling → the global gate, last. (Before that comes its action's turn,
where its entity must be changed by one at a time: `services.discord.turns`.) It takes its places in all of them
in one instant, when the gate lets it pass; until then it holds none. So the best by priority and arrival goes
first everywhere, and nothing is reserved for somebody who still waits for something else. A place once left for is
never given back before the window would: the bytes may have arrived.

**One process or many.** `InProcessRateLimiter` keeps all that by itself. `RedisRateLimiter` is the same limiter with
Redis in the last word (`shared`): what leaves and what was learned is one for all replicas, the order is each one's.

    permit = await limiter.acquire(lane, priority=…, deadline=…, client_id=…)   # RateLimited, Overloaded
    permit.depart()                                 # just before the bytes leave
    permit.complete(observation_of(status, headers, body))   # None: no reply; drop(): nothing was sent
"""

from services.discord.rate_limit.bounds import Bounds, Limits
from services.discord.rate_limit.limiter import InProcessRateLimiter
from services.discord.rate_limit.observation import observation_of
from services.discord.rate_limit.observer import Observer, SilentObserver
from services.discord.rate_limit.port import Lane, Observation, Permit, RateLimiter
from services.discord.rate_limit.shared import RedisRateLimiter
from services.discord.rate_limit.timers import Timer, Timers

__all__ = [
    "Bounds",
    "InProcessRateLimiter",
    "Lane",
    "Limits",
    "Observation",
    "Observer",
    "Permit",
    "RateLimiter",
    "RedisRateLimiter",
    "SilentObserver",
    "Timer",
    "Timers",
    "observation_of",
]

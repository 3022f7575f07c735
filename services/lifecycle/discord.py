"""The way to Discord: the link to Redis where there is one, the limiter with its state there or here, the client."""

from contextlib import AsyncExitStack

from config import Settings
from services.discord import DiscordClient
from services.discord.quarantine import Quarantine
from services.discord.rate_limit import Bounds, InProcessRateLimiter, RedisRateLimiter
from services.lifecycle.observers import LimitsObserver
from services.ports import Clock
from services.redis_link import RedisLink, namespace_of, note_version
from services.telemetry import Metrics


async def open_link(settings: Settings, stack: AsyncExitStack, clock: Clock) -> RedisLink | None:
    """The one way to Redis, where there is one."""
    if settings.limits.redis_url is None:
        return None
    namespace = namespace_of(settings.discord.bot_token)
    link = await stack.enter_async_context(RedisLink(settings.limits.redis_url, namespace, clock))
    await note_version(link)
    return link


async def open_discord(
    settings: Settings, stack: AsyncExitStack, clock: Clock, link: RedisLink | None, metrics: Metrics
) -> tuple[InProcessRateLimiter, DiscordClient]:
    """The limiter and the client, watched by `metrics`."""
    quarantine = Quarantine(clock)
    limiter = _limiter(settings, clock, link, LimitsObserver(metrics, is_to_share=link is not None), quarantine)
    if isinstance(limiter, RedisRateLimiter):
        await stack.enter_async_context(limiter)
    else:
        stack.callback(limiter.close)
    discord = await stack.enter_async_context(
        DiscordClient(settings.discord, settings.module.version, limiter, clock, metrics, quarantine=quarantine)
    )
    _watch(limiter, discord, quarantine, metrics)
    return limiter, discord


def _watch(limiter: InProcessRateLimiter, discord: DiscordClient, quarantine: Quarantine, metrics: Metrics) -> None:
    for name, count in limiter.figures().items():
        metrics.watch(name, count)
    for scope, seconds in limiter.pauses().items():
        metrics.watch("limit_pause_seconds", seconds, scope)
    for circuit, is_open in discord.circuits().items():
        metrics.watch("circuit_open", is_open, circuit)
    for state, places in discord.figures().items():
        metrics.watch("places", places, state)
    metrics.watch("turns_waited_for", lambda: discord.describe()["entities"]["waiting"])
    metrics.watch("quarantined_webhooks", lambda: len(quarantine))


def _limiter(
    settings: Settings, clock: Clock, link: RedisLink | None, observer: LimitsObserver, quarantine: Quarantine
) -> InProcessRateLimiter:
    """Limits kept by all replicas together where there is Redis; else by this process."""
    limits, bounds = settings.limits, _bounds(settings)
    if link is None:
        return InProcessRateLimiter(limits, clock, bounds=bounds, observer=observer)
    return RedisRateLimiter(
        limits, clock, link, egress=limits.egress_id, bounds=bounds, observer=observer, quarantine=quarantine
    )


def _bounds(settings: Settings) -> Bounds:
    longest_wait = settings.deadlines.longest_seconds
    return Bounds(
        longest_wait_seconds=longest_wait,
        lease_seconds=longest_wait + settings.discord.attempt_timeout_seconds,
    )

"""Discord: its replies, its limits, and what we keep back because of them."""

from typing import Final

from services.telemetry.metrics.actions import ACTION_SECONDS
from services.telemetry.metrics.definitions import Board

DISCORD_SECONDS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class UpstreamFigures:
    """Counts what comes back from Discord, and what waits to go there."""

    def __init__(self, board: Board) -> None:
        self._replies = board.histogram(
            "discord_reply_seconds",
            "Attempts, until Discord's reply. `route` is a path template; `status_class` 2xx … 5xx, or none: no reply.",
            DISCORD_SECONDS,
            "route",
            "status_class",
        )
        self._retries = board.counter(
            "retries",
            "Attempts after the first. `reason`: limited (a 429), unsent (no connection), standstill (5xx that changed "
            "nothing), in_doubt (lost, but harmless to repeat).",
            "reason",
        )
        self._rate_limited = board.counter(
            "rate_limited",
            "429s from Discord by `scope`: user, hidden, global, shared, cloudflare; local: our own limiter refused.",
            "scope",
        )
        for scope in ("user", "hidden", "global", "shared", "cloudflare", "local"):
            self._rate_limited.of(scope)
        self._limit_waits = board.histogram(
            "limit_wait_seconds", "Waits for Discord's limits, of those who had to wait.", ACTION_SECONDS, "priority"
        )
        self._limit_refusals = board.counter(
            "limit_refusals", "Waits refused. `reason`: rate_limited (too long), overloaded (queue full).", "reason"
        )
        self._limit_pauses = board.counter(
            "limit_pauses", "Standstills, by what stands still: token, webhooks, egress (Cloudflare's block).", "scope"
        )
        self._define_watched(board)

    def _define_watched(self, board: Board) -> None:
        board.watch("gauge", "limit_pause_seconds", "How long what has the scope still stands still.", "scope")
        board.watch("gauge", "limit_waiting", "Requests that stand in line for a limit.")
        board.watch("gauge", "limit_lanes", "Buckets that are remembered.")
        board.watch("gauge", "limit_lanes_waited_for", "Buckets that somebody waits for.")
        board.watch(
            "gauge",
            "limit_global_used",
            "Places of the global limit that are taken: by all replicas where they share it, else by this one.",
        )
        board.watch("gauge", "limit_global_per_second", "The global limit, or this replica's share of it.")
        board.watch("gauge", "invalid_requests_used", "401, 403 and 429 of the last ten minutes.")
        board.watch("gauge", "invalid_requests_limit", "As many of them as Discord bears before it bans the address.")
        board.watch("gauge", "limit_replicas", "Replicas that share the limits, as last seen.")
        board.watch("gauge", "limits_shared", "1: limits are kept with all replicas through Redis. 0: alone.")
        board.watch("gauge", "circuit_open", "1: nothing passes. `circuit`: outage, bot_token.", "circuit")
        board.watch("gauge", "places", "Places for requests in flight to Discord. `state`: free, waited_for.", "state")
        board.watch("gauge", "turns_waited_for", "Actions that wait for another one on the same member or message.")
        board.watch("gauge", "quarantined_webhooks", "Webhooks that are gone, and are not asked again for a while.")

    def discord_reply(self, route: str, status_class: str, duration_seconds: float) -> None:
        """Reports a reply of Discord: its route's template, `2xx` … `5xx` (`none`: no reply), its duration."""
        self._replies.of(route, status_class).observe(duration_seconds)

    def retried(self, reason: str) -> None:
        """Reports that an attempt is followed by another, and why."""
        self._retries.of(reason).inc()

    def rate_limited(self, scope: str) -> None:
        """Reports a limit that was hit: user, global, shared, cloudflare, or `local` for a wait we refused."""
        self._rate_limited.of(scope).inc()

    def limit_waited(self, seconds: float, priority: str) -> None:
        """Reports how long a request stood in line: `moderation`, `ordinary` or `bulk`."""
        self._limit_waits.of(priority).observe(seconds)

    def limit_refused(self, reason: str) -> None:
        """Reports a wait that was refused: `rate_limited` or `overloaded`."""
        self._limit_refusals.of(reason).inc()

    def limit_paused(self, scope: str) -> None:
        """Reports a pause of the `token`, the `webhooks` or the `egress`."""
        self._limit_pauses.of(scope).inc()

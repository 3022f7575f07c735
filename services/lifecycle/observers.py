"""What the limiter notices, brought to the log and to Prometheus."""

from services.ports import Priority
from services.telemetry import Metrics, get_logger

log = get_logger(__name__)


class LimitsObserver:
    """Fulfils `services.discord.rate_limit.Observer`. 429s are counted where replies are read."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def waited(self, seconds: float, priority: Priority) -> None:
        self._metrics.limit_waited(seconds, priority.name.lower())
        log.debug("waited for a limit", seconds=round(seconds, 3), priority=priority.name.lower())

    def refused(self, reason: str) -> None:
        self._metrics.limit_refused(reason)
        log.debug("refused by a limit", reason=reason)

    def rate_limited(self, scope: str) -> None:
        log.warning("discord answered 429", scope=scope)

    def paused(self, scope: str, seconds: float) -> None:
        self._metrics.limit_paused(scope)
        log.warning("requests to discord are paused", scope=scope, seconds=round(seconds, 3))

    def invalid_requests(self, used: int, limit: int, percent: int) -> None:
        log.warning("discord counts invalid requests", used=used, limit=limit, percent=percent)

    def replicas(self, count: int, *, is_shared: bool) -> None:
        self._metrics.limits_shared(count, is_shared=is_shared)

    def lease_ended(self) -> None:
        log.error("a permit was neither completed nor dropped in time")

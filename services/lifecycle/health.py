"""How the module is: alive, ready, and what an operator should know.

Ready means: it serves, and what it does can be put on the record. Discord being down makes it degraded, not unready:
another replica could not do better, and callers get a clear answer.
"""

from services.audit import AuditWriter
from services.discord import DiscordClient
from services.discord.rate_limit import RateLimiter
from services.rest_api import CheckResult, HealthStatus, HealthSummary, Readiness


class Health:
    """Fulfils `services.rest_api.HealthChecks`."""

    def __init__(self, audit: AuditWriter, discord: DiscordClient, limiter: RateLimiter) -> None:
        self._audit = audit
        self._discord = discord
        self._limiter = limiter
        self.is_serving = False

    def live(self) -> bool:
        return True

    async def ready(self) -> Readiness:
        serving = CheckResult(self.is_serving, "" if self.is_serving else "starting or stopping")
        checks = {"serving": serving, "audit": self._record(), "discord": self._upstream(), "limits": self._limits()}
        return Readiness(is_ready=serving.is_ok and checks["audit"].is_ok, checks=checks)

    async def summary(self) -> HealthSummary:
        readiness = await self.ready()
        if not readiness.is_ready:
            return HealthSummary(HealthStatus.UNHEALTHY, readiness.checks)
        is_well = all(check.is_ok for check in readiness.checks.values()) and not self._audit.health().detail
        return HealthSummary(HealthStatus.HEALTHY if is_well else HealthStatus.DEGRADED, readiness.checks)

    def _record(self) -> CheckResult:
        record = self._audit.health()
        return CheckResult(record.is_writable, record.detail)

    def _limits(self) -> CheckResult:
        state = self._limiter.describe()
        if state["state"] != "alone":
            return CheckResult(is_ok=True)
        return CheckResult(is_ok=False, detail=f"Redis is away: this replica keeps to its share, 1/{state['replicas']}")

    def _upstream(self) -> CheckResult:
        state = self._discord.describe()
        shut = [name for name in ("outage", "bot_token") if state[name]["state"] != "closed"]
        return CheckResult(not shut, ", ".join(f"{name} guard is shut" for name in shut))

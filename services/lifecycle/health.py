"""How the module is: alive, ready, and what an operator should know.

Ready means: it serves, and what it does can be put on the record. Discord being down makes it degraded, not unready:
another replica could not do better, and callers get a clear answer. So do a database or a Redis that is away: the
journal and the replica's own share carry it through.

gRPC health says the same as /health/ready: when that changes, whoever watches is told within ANNOUNCE_SECONDS.
"""

import asyncio
from typing import Final

from services.audit import AuditWriter
from services.discord import DiscordClient
from services.discord.rate_limit import RateLimiter
from services.grpc_handler import GrpcServer
from services.lasting_tasks import lasting
from services.lifecycle.watches import DatabaseWatch, TaskWatch
from services.rest_api import CheckResult, HealthStatus, HealthSummary, Readiness
from services.telemetry import get_logger

ANNOUNCE_SECONDS: Final = 0.5
SHUT: Final = {
    "outage": "it cannot be reached, or fails: actions are not sent until a probe succeeds",
    "bot_token": "it refuses the bot's token: renew DISCORD_BOT_TOKEN",
}
"""What is wrong with Discord, by the circuit that is open."""

log = get_logger(__name__)


class Health:
    """Fulfils `services.rest_api.HealthChecks`."""

    def __init__(
        self,
        audit: AuditWriter,
        discord: DiscordClient,
        limiter: RateLimiter,
        database: DatabaseWatch,
        tasks: TaskWatch,
    ) -> None:
        self._audit = audit
        self._discord = discord
        self._limiter = limiter
        self._database = database
        self._tasks = tasks
        self.is_serving = False

    def live(self) -> bool:
        return True

    @property
    def is_ready(self) -> bool:
        """Whether requests may come."""
        return self.is_serving and self._audit.health().is_writable

    async def ready(self) -> Readiness:
        serving = CheckResult(self.is_serving, "" if self.is_serving else "starting or stopping")
        checks = {
            "serving": serving,
            "audit": self._record(),
            "database": self._table(),
            "discord": self._upstream(),
            "limits": self._limits(),
            "tasks": CheckResult(not self._tasks.problem, self._tasks.problem),
        }
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

    def _table(self) -> CheckResult:
        problem = self._database.problem
        return CheckResult(not problem, f"rows wait in the journal: {problem}" if problem else "")

    def _limits(self) -> CheckResult:
        state = self._limiter.describe()
        if state["state"] != "alone":
            return CheckResult(is_ok=True)
        return CheckResult(is_ok=False, detail=f"Redis is away: this replica keeps to its share, 1/{state['replicas']}")

    def _upstream(self) -> CheckResult:
        state = self._discord.describe()
        shut = [wrong for name, wrong in SHUT.items() if state[name]["state"] != "closed"]
        return CheckResult(not shut, "; ".join(shut))


class Announcer:
    """Tells gRPC health whether the module is ready, from `start` until `stop`."""

    def __init__(self, health: Health, grpc: GrpcServer) -> None:
        self._health = health
        self._grpc = grpc
        self._said = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tells at once, and whenever it changes."""
        self._said = await self._say()
        self._task = lasting(self._run, "announcer")

    async def stop(self) -> None:
        """Says nothing more: draining has the last word."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(ANNOUNCE_SECONDS)
            if self._health.is_ready is not self._said:
                self._said = await self._say()

    async def _say(self) -> bool:
        is_ready = self._health.is_ready
        await self._grpc.set_serving(is_ready=is_ready)
        if not is_ready:
            log.error("not ready: requests should go to another replica")
        return is_ready

"""The adapters, built in order and joined to the service. Who holds what is told by the exit stack."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config import RecordSettings, ServerSettings, Settings
from services.audit import AuditReader, AuditWriter, Journal, RedisShelf
from services.audit.retention import Retention
from services.budget import Budget
from services.database import Database
from services.discord import DiscordClient
from services.discord_service import DiscordService
from services.grpc_handler import Bounds, GrpcServer
from services.idempotency import FileIdempotencyStore, RedisIdempotencyStore
from services.lifecycle.callers import Callers, open_callers
from services.lifecycle.clock import SystemClock
from services.lifecycle.discord import open_discord, open_link
from services.lifecycle.health import Announcer, Health
from services.lifecycle.limits_view import LimitsView
from services.lifecycle.observers import TracedRecord
from services.lifecycle.rest_server import RestServer
from services.lifecycle.stopping import BoundedStack, Stop
from services.lifecycle.watches import DatabaseWatch, loop_lag_measured, tasks_watched
from services.ports import Clock, IdempotencyStore
from services.redaction import Redactor
from services.redis_link import RedisLink
from services.rest_api import RestDependencies, create_app
from services.telemetry import Logging, Metrics, get_logger, tracing

# Beside the directories of the journal, on the one volume that is sure to be writable.
KEYS_FOLDER: Final = "keys"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs."""

    settings: Settings
    discord: DiscordClient
    service: DiscordService
    query: AuditReader
    health: Health
    announcer: Announcer
    grpc: GrpcServer
    rest: RestServer
    stop: Stop

    async def open_ports(self) -> tuple[int, int]:
        """Binds and serves both; returns their numbers. Raises CannotListen, BadCertificate, PortTaken."""
        grpc_port, rest_port = self.grpc.bind(), self.rest.bind()
        await self.grpc.start()
        self.rest.start()
        self.health.is_serving = True
        await self.announcer.start()
        return grpc_port, rest_port

    async def wind_down(self) -> None:
        """Says that it stops, lets load balancers look elsewhere, ends what runs and closes both servers.

        What is still open when the time of the answers is over is cut off.
        """
        self.health.is_serving = False
        await self.announcer.stop()
        await self.grpc.enter_drain()
        await self.stop.pause.run_out()
        answers_seconds = self.stop.answers_seconds
        open_seconds = self.stop.actions.left_seconds + answers_seconds / 2
        ending = [
            asyncio.create_task(self.service.drain(self.stop.actions, answers_seconds), name="stop-actions"),
            asyncio.create_task(self.grpc.stop(open_seconds), name="stop-grpc"),
            asyncio.create_task(self.rest.stop(open_seconds), name="stop-rest"),
        ]
        hurrying = asyncio.create_task(self._hurry(), name="stop-hurry")
        await self.stop.answers.wait(ending)
        await _cut_off([hurrying, *ending], self.stop.letting_go)

    async def _hurry(self) -> None:
        """Cuts off soon what is no action and takes long, such as an export, once nobody wants to wait for it."""
        await self.stop.is_hurried.wait()
        left_seconds = self.stop.answers_seconds / 2
        await asyncio.gather(self.grpc.stop(left_seconds), self.rest.stop(left_seconds))


async def _cut_off(parts: Sequence[asyncio.Task[None]], budget: Budget) -> None:
    for task in parts:
        task.cancel()
    await budget.wait(parts)
    for task in parts:
        if task.done() and not task.cancelled() and (exc := task.exception()) is not None:
            log.error("a part of the stop failed", part=task.get_name(), reason=repr(exc))


async def build(
    settings: Settings, stack: BoundedStack, redactor: Redactor | None = None, logging: Logging | None = None
) -> House:
    """Builds the house on `stack`. Raises DatabaseUnavailable when the table cannot be prepared in time."""
    clock, metrics = SystemClock(), Metrics(settings.module.name, settings.module.version)
    redactor = redactor or Redactor()
    _trace(settings, stack, redactor)
    tasks = stack.enter_context(tasks_watched(metrics))
    link = await open_link(settings, stack, clock)
    database, audit = await _record(settings, stack, redactor, metrics, link)
    limiter, discord = await open_discord(settings, stack, clock, link, metrics)
    callers = await open_callers(settings.auth, stack, clock, database, discord, link=link, metrics=metrics)
    record = TracedRecord(audit) if settings.traces.is_on else audit
    idempotency = await _idempotency(settings, stack, clock, link)
    service = DiscordService(callers.discord, record, idempotency, clock, metrics, quotas=callers.quotas)
    query = AuditReader(database.reader)
    watch = await _watch_loop_and_database(stack, metrics, database)
    health = Health(audit, discord, limiter, watch, tasks)
    grpc = _grpc(settings, service, callers, metrics)
    _watch(metrics, health, watch, link, logging)
    given = RestDependencies(
        service=service,
        authenticator=callers.authenticator,
        tokens=callers.tokens,
        audit=query,
        health=health,
        limits=LimitsView(limiter, discord),
        deadlines=settings.deadlines,
        module_name=settings.module.name,
        module_version=settings.module.version,
        metrics=metrics,
        trusted_proxies=settings.servers.trusted_proxies,
    )
    return House(
        settings=settings,
        discord=discord,
        service=service,
        query=query,
        health=health,
        announcer=Announcer(health, grpc),
        grpc=grpc,
        rest=_rest(given, settings.servers, metrics),
        stop=stack.stop,
    )


async def _watch_loop_and_database(stack: BoundedStack, metrics: Metrics, database: Database) -> DatabaseWatch:
    await stack.enter_async_context(loop_lag_measured(metrics))
    return await stack.enter_async_context(DatabaseWatch(database.reader))


def _watch(
    metrics: Metrics, health: Health, database: DatabaseWatch, link: RedisLink | None, logging: Logging | None
) -> None:
    metrics.watch("ready", lambda: health.is_ready)
    metrics.watch("dependency_up", lambda: not database.problem, "database")
    if link is not None:
        metrics.watch("dependency_up", lambda: not link.is_away, "redis")
    if logging is not None:
        metrics.watch("log_lines_dropped", lambda: logging.dropped_lines)


def _trace(settings: Settings, stack: BoundedStack, redactor: Redactor) -> None:
    """Spans, if they are asked for. The first to come and the last to go: what runs until then is still traced."""
    if not settings.traces.is_on:
        return
    from services.telemetry.otel import OtelTracer  # noqa: PLC0415  # 26 MB that nobody else should pay for

    tracer = OtelTracer(settings.traces, settings.module, redactor)
    stack.push_async_callback(lambda: tracer.close(stack.stop.record.left_seconds))
    stack.enter_context(tracing(tracer))


async def _record(
    settings: Settings, stack: BoundedStack, redactor: Redactor, metrics: Metrics, link: RedisLink | None
) -> tuple[Database, AuditWriter]:
    """The table, and what writes it and keeps it short.

    It closes last but for what it needs for that: Redis takes what the database does not.
    """
    database = Database(settings.database.url)
    await stack.hold(database)
    journal, shelf = _journal(settings.record, redactor), RedisShelf(link) if link is not None else None
    audit = AuditWriter(database.writer, redactor, journal, metrics=metrics, shelf=shelf)
    await stack.hold(audit)
    if settings.record.retention_days is not None:
        retention = Retention(database.writer, database.reader, settings.record.retention_days, metrics)
        await stack.enter_async_context(retention)
    return database, audit


async def _idempotency(
    settings: Settings, stack: BoundedStack, clock: Clock, link: RedisLink | None
) -> IdempotencyStore:
    """Keys in Redis where there is one, for all replicas; else in a local file."""
    if link is None:
        return await stack.enter_async_context(FileIdempotencyStore(settings.record.journal_dir / KEYS_FOLDER, clock))
    return await stack.enter_async_context(RedisIdempotencyStore(link, clock))


def _grpc(settings: Settings, service: DiscordService, callers: Callers, metrics: Metrics) -> GrpcServer:
    bounds = Bounds.of(settings.servers, settings.deadlines)
    return GrpcServer(
        settings.servers,
        service,
        callers.authenticator,
        settings.deadlines,
        metrics=metrics,
        bounds=bounds,
        certificates=callers.certificates,
    )


def _rest(given: RestDependencies, settings: ServerSettings, metrics: Metrics) -> RestServer:
    rest = RestServer(create_app(given), settings)
    connections = rest.connections
    metrics.watch("rest_connections", lambda: connections.open_count)
    metrics.watch("rest_connections_ended", lambda: connections.ended_for_others_count)
    metrics.watch("rest_connections_turned_away", lambda: connections.turned_away_count)
    return rest


def _journal(settings: RecordSettings, redactor: Redactor) -> Journal:
    return Journal(settings.journal_dir, redactor, most_bytes=settings.journal_max_mb * 1024 * 1024)

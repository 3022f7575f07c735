"""The adapters, built in order and joined to the service. Who holds what is told by the exit stack."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from hypercorn.typing import ASGIFramework

from config import RecordSettings, ServerSettings, Settings
from services.audit import AuditReader, AuditWriter, Journal
from services.audit.retention import Retention
from services.auth import RegisteredClientTokens, TokenVerifier
from services.clients import ClientRegistry
from services.database import Database
from services.discord_service import DiscordService
from services.grpc_handler import Bounds, GrpcServer
from services.idempotency import FileIdempotencyStore, RedisIdempotencyStore
from services.lifecycle.clock import SystemClock
from services.lifecycle.health import Announcer, Health
from services.lifecycle.limits import open_discord, open_link
from services.lifecycle.limits_view import LimitsView
from services.lifecycle.observers import ObservedAuthenticator, ObservedTokens
from services.lifecycle.rest_server import RestServer
from services.lifecycle.watches import DatabaseWatch, loop_lag_measured
from services.ports import Authenticator, Clock, IdempotencyStore
from services.redaction import Redactor
from services.redis_link import RedisLink
from services.rest_api import RestDependencies, create_app
from services.telemetry import Logging, Metrics

# Answers written after the last action ended still have to leave.
ANSWER_SECONDS: Final = 1.0
# Beside the directories of the journal, on the one volume that is sure to be writable.
KEYS_FOLDER: Final = "keys"


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs."""

    settings: Settings
    service: DiscordService
    query: AuditReader
    health: Health
    announcer: Announcer
    grpc: GrpcServer
    rest: RestServer

    async def open_ports(self) -> tuple[int, int]:
        """Binds and serves both; returns their numbers. Raises CannotListen, BadCertificate, PortTaken."""
        grpc_port, rest_port = self.grpc.bind(), self.rest.bind()
        await self.grpc.start()
        self.rest.start()
        self.health.is_serving = True
        await self.announcer.start()
        return grpc_port, rest_port

    async def wind_down(self, pause_seconds: float, grace_seconds: float) -> None:
        """Says that it stops, lets load balancers look elsewhere, and ends what runs within the grace."""
        self.health.is_serving = False
        await self.announcer.stop()
        await self.grpc.enter_drain()
        await asyncio.sleep(pause_seconds)
        async with asyncio.TaskGroup() as ending:
            ending.create_task(self.service.drain(max(grace_seconds - ANSWER_SECONDS, 0)))
            ending.create_task(self.grpc.stop(grace_seconds))
            ending.create_task(self.rest.stop(grace_seconds))


async def build(
    settings: Settings, stack: AsyncExitStack, redactor: Redactor | None = None, logging: Logging | None = None
) -> House:
    """Builds the house on `stack`. Raises DatabaseUnavailable when the table cannot be prepared in time."""
    clock, metrics = SystemClock(), Metrics(settings.module.name, settings.module.version)
    database, audit = await _record(settings, stack, redactor or Redactor(), metrics)
    link = await open_link(settings, stack, clock)
    limiter, discord = await open_discord(settings, stack, clock, link, metrics)
    verifier = ObservedAuthenticator(TokenVerifier(settings.auth, clock), metrics)
    service = DiscordService(discord, audit, await _idempotency(settings, stack, clock, link), clock, metrics)
    query = AuditReader(database.reader)
    watch = await stack.enter_async_context(DatabaseWatch(database.reader))
    await stack.enter_async_context(loop_lag_measured(metrics))
    health = Health(audit, discord, limiter, watch)
    grpc = _grpc(settings, service, verifier, metrics)
    _watch(metrics, health, watch, link, logging)
    app = create_app(
        RestDependencies(
            service=service,
            authenticator=verifier,
            tokens=ObservedTokens(
                RegisteredClientTokens(settings.auth, ClientRegistry(database.reader), clock), metrics
            ),
            audit=query,
            health=health,
            limits=LimitsView(limiter, discord),
            deadlines=settings.deadlines,
            module_name=settings.module.name,
            module_version=settings.module.version,
            metrics=metrics,
        )
    )
    return House(
        settings=settings,
        service=service,
        query=query,
        health=health,
        announcer=Announcer(health, grpc),
        grpc=grpc,
        rest=_rest(app, settings.servers, metrics),
    )


def _watch(
    metrics: Metrics, health: Health, database: DatabaseWatch, link: RedisLink | None, logging: Logging | None
) -> None:
    metrics.watch("ready", lambda: health.is_ready)
    metrics.watch("dependency_up", lambda: not database.problem, "database")
    if link is not None:
        metrics.watch("dependency_up", lambda: not link.is_away, "redis")
    if logging is not None:
        metrics.watch("log_lines_dropped", lambda: logging.dropped_lines)


async def _record(
    settings: Settings, stack: AsyncExitStack, redactor: Redactor, metrics: Metrics
) -> tuple[Database, AuditWriter]:
    """The table, and what writes it and keeps it short."""
    database = await stack.enter_async_context(Database(settings.database.url))
    audit = await stack.enter_async_context(
        AuditWriter(database.writer, redactor, _journal(settings.record, redactor), metrics=metrics)
    )
    if settings.record.retention_days is not None:
        retention = Retention(database.writer, database.reader, settings.record.retention_days, metrics)
        await stack.enter_async_context(retention)
    return database, audit


async def _idempotency(
    settings: Settings, stack: AsyncExitStack, clock: Clock, link: RedisLink | None
) -> IdempotencyStore:
    """Keys in Redis where there is one, for all replicas; else in a local file."""
    if link is None:
        return await stack.enter_async_context(FileIdempotencyStore(settings.record.journal_dir / KEYS_FOLDER, clock))
    return await stack.enter_async_context(RedisIdempotencyStore(link, clock))


def _grpc(settings: Settings, service: DiscordService, verifier: Authenticator, metrics: Metrics) -> GrpcServer:
    bounds = Bounds.of(settings.servers, settings.deadlines)
    return GrpcServer(settings.servers, service, verifier, settings.deadlines, metrics=metrics, bounds=bounds)


def _rest(app: ASGIFramework, settings: ServerSettings, metrics: Metrics) -> RestServer:
    rest = RestServer(app, settings)
    connections = rest.connections
    metrics.watch("rest_connections", lambda: connections.open_count)
    metrics.watch("rest_connections_ended", lambda: connections.ended_for_others_count)
    metrics.watch("rest_connections_turned_away", lambda: connections.turned_away_count)
    return rest


def _journal(settings: RecordSettings, redactor: Redactor) -> Journal:
    return Journal(settings.journal_dir, redactor, most_bytes=settings.journal_max_mb * 1024 * 1024)

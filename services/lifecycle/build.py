"""The adapters, built in order and joined to the service. Who holds what is told by the exit stack."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from config import Settings
from services.audit import AuditReader, AuditWriter
from services.auth import RegisteredClientTokens, TokenVerifier
from services.clients import ClientRegistry
from services.database import Database
from services.discord import DiscordClient
from services.discord.rate_limit import Bounds, InProcessRateLimiter
from services.discord_service import DiscordService
from services.grpc_handler import GrpcServer
from services.idempotency import InProcessIdempotencyStore
from services.lifecycle.clock import SystemClock
from services.lifecycle.health import Health
from services.lifecycle.observers import LimitsObserver
from services.lifecycle.rest_server import RestServer
from services.redaction import Redactor
from services.rest_api import RestDependencies, create_app
from services.telemetry import Metrics

# Answers written after the last action ended still have to leave.
ANSWER_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs."""

    settings: Settings
    service: DiscordService
    query: AuditReader
    health: Health
    grpc: GrpcServer
    rest: RestServer

    async def open_ports(self) -> tuple[int, int]:
        """Binds and serves both; returns their numbers. Raises CannotListen, BadCertificate, PortTaken."""
        grpc_port, rest_port = self.grpc.bind(), self.rest.bind()
        await self.grpc.start()
        self.rest.start(self.settings.servers.shutdown_grace_seconds)
        await self.grpc.set_serving()
        self.health.is_serving = True
        return grpc_port, rest_port

    async def wind_down(self, pause_seconds: float, grace_seconds: float) -> None:
        """Says that it stops, lets load balancers look elsewhere, and ends what runs within the grace."""
        self.health.is_serving = False
        await self.grpc.enter_drain()
        await asyncio.sleep(pause_seconds)
        async with asyncio.TaskGroup() as ending:
            ending.create_task(self.service.drain(max(grace_seconds - ANSWER_SECONDS, 0)))
            ending.create_task(self.grpc.stop(grace_seconds))
            ending.create_task(self.rest.stop(grace_seconds))


async def build(settings: Settings, stack: AsyncExitStack, redactor: Redactor | None = None) -> House:
    """Builds the house on `stack`. Raises DatabaseUnavailable when the table cannot be prepared in time."""
    clock, metrics = SystemClock(), Metrics(settings.module.name, settings.module.version)
    database = await stack.enter_async_context(Database(settings.database.url))
    audit = await stack.enter_async_context(AuditWriter(database.writer, redactor or Redactor(), metrics=metrics))
    limiter = InProcessRateLimiter(settings.limits, clock, bounds=_bounds(settings), observer=LimitsObserver())
    stack.callback(limiter.close)
    discord = await stack.enter_async_context(
        DiscordClient(settings.discord, settings.module.version, limiter, clock, metrics)
    )
    verifier = TokenVerifier(settings.auth, clock)
    service = DiscordService(discord, audit, InProcessIdempotencyStore(clock), clock, metrics)
    query = AuditReader(database.reader)
    health = Health(audit, discord)
    app = create_app(
        RestDependencies(
            service=service,
            authenticator=verifier,
            tokens=RegisteredClientTokens(settings.auth, ClientRegistry(database.reader), clock),
            audit=query,
            health=health,
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
        grpc=GrpcServer(settings.servers, service, verifier, settings.deadlines, metrics=metrics),
        rest=RestServer(app, settings.servers),
    )


def _bounds(settings: Settings) -> Bounds:
    longest_wait = settings.deadlines.longest_seconds
    return Bounds(
        longest_wait_seconds=longest_wait,
        lease_seconds=longest_wait + settings.discord.attempt_timeout_seconds,
    )

"""The REST face over the real service, with stand-ins at the ports."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from quart.testing.connections import TestHTTPConnection
from quart.wrappers import Response
from werkzeug.datastructures import Headers

from config import DeadlineSettings
from services.discord_service import DiscordService
from services.errors import Unauthenticated
from services.idempotency import InProcessIdempotencyStore
from services.ports import ActionFilter, ActionPage, ActionRow, Caller, IssuedToken, MessageBody, Reply
from services.rest_api import (
    CheckResult,
    HealthStatus,
    HealthSummary,
    Readiness,
    RestDependencies,
    create_app,
)
from services.telemetry.metrics import Metrics
from tests.fakes import MemoryAuditLog, ScriptedDiscord
from tests.fakes.discord import Step, answers

SENT = Reply(200, MessageBody(id="900"))
TOKEN = "good-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}
MESSAGE = "/api/v1/message"
SAID = {"channel_id": "123", "content": "hello"}


class RealClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class OneToken:
    """Knows one token, and the caller it stands for."""

    caller: Caller = field(default_factory=lambda: Caller("router"))
    asked: list[str | None] = field(default_factory=list)

    async def authenticate(self, token: str | None) -> Caller:
        self.asked.append(token)
        if token != TOKEN:
            raise Unauthenticated("The token does not verify.")
        return self.caller


class OneClient:
    """Knows one client."""

    async def issue_token(self, client_id: str, client_secret: str, address: str) -> IssuedToken:
        if (client_id, client_secret) != ("router", "right"):
            raise Unauthenticated("Unknown client or wrong secret.")
        return IssuedToken("fresh-token", 3600)


@dataclass
class Rows:
    """An audit log in a list, which remembers how it was asked."""

    rows: list[ActionRow] = field(default_factory=list)
    asked: list[tuple[ActionFilter, int, str | None]] = field(default_factory=list)

    async def page(self, wanted: ActionFilter, limit: int, cursor: str | None) -> ActionPage:
        self.asked.append((wanted, limit, cursor))
        return ActionPage(tuple(self.rows[:limit]), "more" if len(self.rows) > limit else None)

    async def export(self, wanted: ActionFilter) -> AsyncGenerator[bytes]:
        self.asked.append((wanted, 0, None))
        for row in self.rows:
            yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)

    async def one(self, action_id: str) -> ActionRow | None:
        return next((row for row in self.rows if row.action_id == action_id), None)


@dataclass
class Health:
    """As well as it is told to be."""

    status: HealthStatus = HealthStatus.HEALTHY
    is_live: bool = True
    database: CheckResult = field(default_factory=lambda: CheckResult(is_ok=True))

    def live(self) -> bool:
        return self.is_live

    async def ready(self) -> Readiness:
        return Readiness(self.database.is_ok, {"database": self.database})

    async def summary(self) -> HealthSummary:
        return HealthSummary(self.status, {"database": self.database})


@dataclass
class Counts:
    rejected: list[tuple[str, str]] = field(default_factory=list)

    def rejected_request(self, protocol: Literal["grpc", "rest"], code: str, /) -> None:
        self.rejected.append((protocol, code))

    async def page(self) -> bytes:
        return b"# HELP up Whether it is up.\nup 1\n"


class House:
    """An app and everything around it. Without steps Discord answers every call with a message."""

    def __init__(self, *steps: Step, longest_seconds: float = 300, default_seconds: float = 30) -> None:
        self.discord = ScriptedDiscord(*(steps or (answers(SENT),) * 8))
        self.record = MemoryAuditLog()
        self.authenticator = OneToken()
        self.audit = Rows()
        self.health = Health()
        self.counts = Counts()
        clock = RealClock()
        service = DiscordService(
            self.discord, self.record, InProcessIdempotencyStore(clock), clock, Metrics("test", "0")
        )
        deadlines = DeadlineSettings.model_validate({"MAX_WAIT": longest_seconds, "REQUEST_TIMEOUT": default_seconds})
        self.app = create_app(
            RestDependencies(
                service=service,
                authenticator=self.authenticator,
                tokens=OneClient(),
                audit=self.audit,
                health=self.health,
                deadlines=deadlines,
                module_name="discord_action_module",
                module_version="1.2.3",
                metrics=self.counts,
            )
        )
        self.client = self.app.test_client()

    async def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> "Answer":
        """An authenticated request."""
        response = await self.client.open(path, method=method, headers=BEARER | dict(headers or {}), **more)
        return await Answer.of(response)

    async def post(self, fields: Any = None, path: str = MESSAGE, headers: Mapping[str, str] | None = None) -> "Answer":
        """An authenticated request with JSON."""
        body = orjson.dumps(SAID if fields is None else fields)
        return await self.send("POST", path, JSON | dict(headers or {}), data=body)

    async def post_raw(self, body: bytes, headers: Mapping[str, str] = JSON) -> "Answer":
        """An authenticated request with any bytes."""
        return await self.send("POST", MESSAGE, headers, data=body)

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> "Answer":
        return await self.send("GET", path, headers)


@dataclass
class Answer:
    """A response that was read."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    async def of(cls, response: Response) -> "Answer":
        return cls(response.status_code, response.headers, await response.get_data(as_text=False))

    @classmethod
    async def early(cls, connection: object) -> "Answer":
        """The answer to a request that is still being sent."""
        assert isinstance(connection, TestHTTPConnection)
        body = await asyncio.wait_for(connection.receive(), 5)
        assert connection.status_code is not None
        assert connection.headers is not None
        return cls(connection.status_code, connection.headers, body)

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(self.body)
        return content

    @property
    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.json.get("errors", [])]


async def until(condition: Callable[[], object]) -> None:
    """Waits for what a fake has come to know; it has nothing to wake us with."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- see above
            await asyncio.sleep(0.001)


def row(**changes: Any) -> ActionRow:
    """A row of the audit log, with some columns changed."""
    columns: dict[str, Any] = {
        "id": 7,
        "action_id": "0199b2c5-3f7a-7c43-9d1e-5b8f0a2c4d6e",
        "action_type": "send_message",
        "guild_id": None,
        "channel_id": "123",
        "user_id": None,
        "success": True,
        "error_message": None,
        "request_data": {"channel_id": "123", "content": "hello"},
        "response_data": {"message_id": "900"},
        "created_at": datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC),
        "client_id": "router",
        "protocol": "rest",
        "request_id": "r-1",
        "idempotency_key": None,
        "outcome": "delivered",
        "error_code": None,
        "discord_status": 200,
        "attempts": 1,
        "duration_ms": 12,
    }
    return ActionRow(**columns | changes)

"""A real server on loopback, the fakes behind it, and a caller's view of its answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status

from config import DeadlineSettings, ServerSettings, TlsSettings
from proto import discord_action_pb2, discord_action_pb2_grpc
from services.actions import Action
from services.discord_service import Performed
from services.errors import Unauthenticated
from services.grpc_handler import SERVICE_NAME, Bounds, GrpcServer
from services.ports import Caller, Request

ACTION_ID = "0193-action"
CALL_SECONDS = 10.0
TOKEN = "router-token"
BREAKING_TOKEN = "breaking"
AUTHORIZED = (("authorization", f"Bearer {TOKEN}"),)
DEADLINES = DeadlineSettings(default_seconds=30, longest_seconds=300)

type Answer = Callable[[Action, Request], Awaitable[Performed]]


async def deliver(action: Action, request: Request) -> Performed:
    """Answers every action with an outcome of its own type, each field filled with its own name."""
    outcome_type = type(action).outcome_type
    return Performed(ACTION_ID, outcome_type.model_validate({name: name for name in outcome_type.model_fields}))


@dataclass(slots=True)
class FakeService:
    """Keeps what it was asked, and answers with `answer`."""

    answer: Answer = deliver
    asked: list[tuple[Action, Caller, Request]] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def perform(self, action: Action, caller: Caller, request: Request) -> Performed:
        self.asked.append((action, caller, request))
        self._arrived.release()
        try:
            return await self.answer(action, request)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def until_asked(self, times: int = 1) -> None:
        """Waits for the first `times` requests."""
        async with asyncio.timeout(CALL_SECONDS):
            for _ in range(times):
                await self._arrived.acquire()

    @property
    def action(self) -> Action:
        return self.asked[-1][0]

    @property
    def request(self) -> Request:
        return self.asked[-1][2]


@dataclass(slots=True)
class FakeAuthenticator:
    """Knows the tokens that end in `-token`; the caller is what stands before it. One token breaks it."""

    async def authenticate(self, token: str | None) -> Caller:
        if token == BREAKING_TOKEN:
            raise RuntimeError("the authenticator broke")
        if token is None or not token.endswith("-token"):
            raise Unauthenticated("No token, or not one of ours.")
        return Caller(token.removesuffix("-token"))


@dataclass(slots=True)
class CountedRejections:
    codes: list[str] = field(default_factory=list)

    def rejected_request(self, protocol: Literal["grpc", "rest"], code: str) -> None:
        assert protocol == "grpc"
        self.codes.append(code)


def raw_call(channel: grpc.aio.Channel, rpc: str) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    """An rpc that sends and gives bytes as they are."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE_NAME}/{rpc}")
    return call


@dataclass(slots=True)
class Serving:
    """A server that runs, and a channel to it."""

    server: GrpcServer
    port: int
    channel: grpc.aio.Channel
    service: FakeService
    rejections: CountedRejections

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def stub(self) -> Any:
        return discord_action_pb2_grpc.DiscordActionStub(self.channel)

    async def call(
        self,
        rpc: str,
        fields: Mapping[str, Any],
        metadata: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        timeout_seconds: float | None = CALL_SECONDS,
    ) -> "Answered":
        request = getattr(discord_action_pb2, f"{rpc}Request")(**fields)
        pending = getattr(self.stub, rpc)(request, metadata=_sent(metadata), timeout=timeout_seconds)
        try:
            response = await pending
        except grpc.aio.AioRpcError as exc:
            return Answered(exc.code(), None, dict(exc.trailing_metadata()), exc)
        return Answered(grpc.StatusCode.OK, response, dict(await pending.trailing_metadata()), None)


def _sent(metadata: Mapping[str, str] | Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """With a good token; pairs are sent beside it, a mapping may replace it."""
    if isinstance(metadata, Mapping):
        return tuple((dict(AUTHORIZED) | dict(metadata)).items())
    return (*AUTHORIZED, *metadata)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as a caller sees it."""

    code: grpc.StatusCode
    response: Any
    trailing: Mapping[str, str | bytes]
    error: grpc.aio.AioRpcError | None

    @property
    def details(self) -> str | None:
        return self.error.details() if self.error else None

    @property
    def info(self) -> ErrorInfo:
        return self._detail(ErrorInfo())

    @property
    def retry_seconds(self) -> float:
        delay: Duration = self._detail(RetryInfo()).retry_delay
        return delay.ToTimedelta().total_seconds()

    @property
    def fields(self) -> dict[str, str]:
        return {bad.field: bad.description for bad in self._detail(BadRequest()).field_violations}

    @property
    def kinds(self) -> list[str]:
        status = rpc_status.from_call(self.error)
        return [] if status is None else [detail.TypeName() for detail in status.details]

    def _detail[D: Message](self, wanted: D) -> D:
        status = rpc_status.from_call(self.error)
        assert status is not None, self.error
        assert any(detail.Unpack(wanted) for detail in status.details), wanted.DESCRIPTOR.name
        return wanted


@asynccontextmanager
async def serving(
    answer: Answer = deliver,
    *,
    bounds: Bounds | None = None,
    has_reflection: bool = True,
    tls: TlsSettings | None = None,
) -> AsyncIterator[Serving]:
    """A server on a free port of 127.0.0.1, not yet SERVING."""
    settings = ServerSettings(host="127.0.0.1", grpc_port=0, rest_port=0, grpc_reflection=has_reflection, tls=tls)
    service, rejections = FakeService(answer), CountedRejections()
    server = GrpcServer(settings, service, FakeAuthenticator(), DEADLINES, metrics=rejections, bounds=bounds)
    async with server:
        port = server.bind()
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Serving(server, port, channel, service, rejections)

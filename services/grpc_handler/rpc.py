"""The one coroutine behind every rpc.

It takes bytes and gives bytes: a message that cannot be read is then a failure like any other, and not gRPC's own. All
failures meet in one place, and what was not foreseen becomes `internal` there. gRPC's own AbortError is raised after
that, so nothing catches it.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal
from typing import Protocol as Port

import grpc

from config import DeadlineSettings
from services.actions import Action, parse
from services.discord_service import Performed
from services.errors import ActionError, Internal, InvalidArgument, OutcomeKind, describe
from services.grpc_handler.messages import TOKEN, RpcMessages
from services.grpc_handler.metadata import Metadata, deadline_of, received, scope_of, token_of, violations_of
from services.grpc_handler.refusal import refusal_of, trailing_of
from services.ports import Authenticator, Caller, Request
from services.telemetry import get_logger, request_scope

type Protocol = Literal["grpc", "rest"]
type Context = grpc.aio.ServicerContext[bytes, bytes]

log = get_logger(__name__)


class Service(Port):
    """What carries an action out; `DiscordService` does."""

    async def perform(self, action: Action, caller: Caller, request: Request) -> Performed: ...


class Rejections(Port):
    """Counts the calls that never reached the service."""

    def rejected_request(self, protocol: Protocol, code: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Gate:
    """What every rpc needs."""

    service: Service
    authenticator: Authenticator
    deadlines: DeadlineSettings
    rejections: Rejections


class ActionRpc[A: Action]:
    """The rpc of one action."""

    def __init__(self, action_type: type[A], gate: Gate) -> None:
        self._action_type = action_type
        self._gate = gate
        self._messages = RpcMessages(action_type)

    async def answer(self, raw: bytes, context: "Context") -> bytes:
        """Carries out the action that `raw` asks for; ends every failure with a status."""
        metadata = received(context.invocation_metadata())
        with request_scope(scope_of(metadata)) as scope:
            outcome_if_unforeseen = OutcomeKind.NOT_SENT
            try:
                action, caller = await self._admit(raw, metadata)
                request = self._request(metadata, scope.request_id, context.time_remaining())
                outcome_if_unforeseen = OutcomeKind.UNKNOWN
                performed = await self._gate.service.perform(action, caller, request)
                response = self._messages.response(performed.action_id, performed.outcome)
                context.set_trailing_metadata(trailing_of(scope.request_id, performed.replayed))
                return response
            except ActionError as exc:
                failure = exc.failure
            except Exception:
                log.exception("a call failed on our side", event="ERROR")
                failure = Internal(outcome_if_unforeseen).failure
            refusal = refusal_of(failure, scope.request_id)
            return await context.abort(refusal.code, refusal.details, refusal.trailing)

    async def _admit(self, raw: bytes, metadata: Metadata) -> tuple[A, Caller]:
        """What is asked for, and who asks. Raises Unauthenticated, InvalidArgument."""
        try:
            fields = self._messages.fields(raw)
            token = token_of(metadata, fields.pop(TOKEN, None))
            caller = await self._gate.authenticator.authenticate(token)
            return self._understand(fields, metadata), caller
        except Exception as exc:
            self._gate.rejections.rejected_request("grpc", describe(exc).code.slug)
            raise

    def _understand(self, fields: dict[str, Any], metadata: Metadata) -> A:
        """The action. Raises InvalidArgument naming what is wrong in the metadata and in the message together."""
        violations = violations_of(metadata)
        try:
            action = parse(self._action_type, fields)
        except InvalidArgument as exc:
            raise InvalidArgument([*violations, *exc.violations]) from None
        if violations:
            raise InvalidArgument(violations)
        return action

    def _request(self, metadata: Metadata, request_id: str, remaining_seconds: float | None) -> Request:
        return Request(
            protocol="grpc",
            request_id=request_id,
            deadline=deadline_of(time.monotonic(), remaining_seconds, self._gate.deadlines),
            idempotency_key=metadata.get("idempotency-key"),
            is_bulk=metadata.get("x-priority") == "bulk",
        )

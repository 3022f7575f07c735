"""The one coroutine behind every rpc.

gRPC waits for the message of a unary call without a bound, and a call that waits counts against those that are served
at once. So the call is taken as one that may stream, which is the same on the wire, and its message is read here.

It takes bytes and gives bytes: a message that cannot be read is then a failure like any other, and not gRPC's own. All
failures meet in one place, and what was not foreseen becomes `internal` there. gRPC's own AbortError is raised after
that, so nothing catches it.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal
from typing import Protocol as Port

import grpc

from config import DeadlineSettings
from services.actions import Action
from services.discord_service import Performed
from services.errors import ActionError, DeadlineExceeded, Failure, Internal, InvalidArgument, OutcomeKind, describe
from services.grpc_handler.certificates import names_of
from services.grpc_handler.messages import SERVICE, TOKEN, RpcMessages
from services.grpc_handler.metadata import Metadata, conditions_of, scope_of, token_of
from services.grpc_handler.refusal import refusal_of, trailing_of
from services.ports import Authenticator, Caller, CertificateAuthenticator, Request
from services.telemetry import get_logger, request_scope, request_span

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
    message_seconds: float
    certificates: CertificateAuthenticator | None = None
    """Set where clients show certificates."""


class ActionRpc[A: Action]:
    """The rpc of one action."""

    def __init__(self, action_type: type[A], gate: Gate) -> None:
        self._action_type = action_type
        self._gate = gate
        self._messages = RpcMessages(action_type)
        self._name = f"{SERVICE.full_name}/{action_type.rpc()}"

    async def answer(self, _: object, context: "Context") -> bytes:
        """Carries out the action that the one message of the call asks for; ends every failure with a status."""
        metadata = Metadata(context.invocation_metadata())
        with request_scope(scope_of(metadata)) as scope, request_span(self._name, scope) as spanned:
            outcome_if_unforeseen = OutcomeKind.NOT_SENT
            try:
                action, caller, request = await self._admit(metadata, scope.request_id, context)
                outcome_if_unforeseen = OutcomeKind.UNKNOWN
                performed = await self._gate.service.perform(action, caller, request)
                response = self._messages.response(performed.action_id, performed.outcome)
                context.set_trailing_metadata(trailing_of(scope.request_id, performed.replayed))
                return response
            except ActionError as exc:
                failure = exc.failure
            except Exception:
                log.exception("request failed", rpc=self._action_type.rpc())
                failure = Internal(outcome_if_unforeseen).failure
            spanned.fail(failure.code.slug)
            refusal = refusal_of(failure, scope.request_id)
            return await context.abort(refusal.code, refusal.details, refusal.trailing)

    async def _admit(self, metadata: Metadata, request_id: str, context: "Context") -> tuple[A, Caller, Request]:
        """What is asked for, who asks, and on which conditions.

        Raises Unauthenticated, InvalidArgument, DeadlineExceeded.
        """
        try:
            fields = self._messages.fields(await self._message(context))
            token = token_of(metadata, fields.pop(TOKEN, None))
            caller = await self._caller(token, context)
            conditions = conditions_of(metadata, request_id, context.time_remaining(), self._gate.deadlines)
            return conditions.parse(self._action_type, fields), caller, conditions.request
        except Exception as exc:
            failure = describe(exc)
            self._gate.rejections.rejected_request("grpc", failure.code.slug)
            if isinstance(exc, ActionError):
                self._log_refusal(failure, context.peer())
            raise

    async def _caller(self, token: str | None, context: "Context") -> Caller:
        """Who a token says it is; without one, who a certificate says it is."""
        if token is None and self._gate.certificates is not None:
            return self._gate.certificates.caller_of(names_of(context))
        return await self._gate.authenticator.authenticate(token)

    async def _message(self, context: "Context") -> bytes:
        try:
            async with asyncio.timeout(self._gate.message_seconds):
                message = await context.read()
        except TimeoutError:
            raise DeadlineExceeded("The message did not arrive in time.") from None
        if not isinstance(message, bytes):  # gRPC's EOF, which its types do not know
            raise InvalidArgument(detail="The call ended without a message.")
        return message

    def _log_refusal(self, failure: Failure, peer: str) -> None:
        """A call that never became an action leaves no row; this line and a counter are all there is of it."""
        log.refused(
            "request refused",
            code=failure.code.slug,
            result=failure.outcome.value,
            detail=failure.detail_for_log,
            rpc=self._action_type.rpc(),
            client_address=peer,
        )

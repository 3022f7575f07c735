"""The HTTP handler: records what arrives, lets faults strike, sends what the pipeline answered."""

import asyncio
import random
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox import wire
from sandbox.call import Answer
from sandbox.faults import Fault, FaultKind, LostReply, Struck
from sandbox.limits.limiter import too_many_requests
from sandbox.limits.rules import Scope
from sandbox.pipeline import Received, read_body
from sandbox.recorder import RecordedRequest, shown_headers
from sandbox.routes import API_VERSION, Match
from sandbox.substitutes import substitute

if TYPE_CHECKING:
    from sandbox.server import Sandbox

LOST_REPLY_DELIVERY = {
    LostReply.RESET: FaultKind.RESET,
    LostReply.HANG: FaultKind.HANG,
    LostReply.TRUNCATED: FaultKind.TRUNCATED,
}
API_PREFIX = f"/api/{API_VERSION}"


class Front:
    """Serves every path but the sandbox's own."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    async def serve(self, request: web.Request) -> web.StreamResponse:
        sandbox = self._sandbox
        raw_path = request.raw_path.partition("?")[0]
        match = sandbox.router.match(request.method, raw_path)
        record = self._open_record(request, match, raw_path)
        struck = sandbox.faults.strike(request.method, match.template, raw_path.removeprefix(API_PREFIX))
        fault = struck.fault
        record.fault = fault.kind if fault else (FaultKind.LATENCY if struck.latencies else None)
        if fault and fault.kind is FaultKind.RESET and fault.before_reading:
            return wire.reset(request)
        received = await self._receive(request, match, record)
        if fault and fault.kind is FaultKind.HANG and not fault.applies:
            await fault.held()
            if wire.is_gone(request):
                return wire.reset(request)
        answer = self._answer(received, record, fault)
        return await self._send(request, answer, record, struck)

    def _open_record(self, request: web.Request, match: Match, raw_path: str) -> RecordedRequest:
        clock = self._sandbox.clock
        return self._sandbox.requests.open(
            method=request.method,
            path=raw_path,
            template=match.template,
            query=dict(request.query),
            headers=shown_headers(request.headers),
            authorization=self._sandbox.pipeline.authorization(request.headers),
            address=request.remote or "",
            received_monotonic=clock.monotonic(),
            received_wall=clock.wall(),
        )

    async def _receive(self, request: web.Request, match: Match, record: RecordedRequest) -> Received:
        try:
            raw_body, too_large = await request.read(), False
        except web.HTTPRequestEntityTooLarge:
            raw_body, too_large = b"", True
        body = read_body(raw_body, too_large=too_large)
        self._sandbox.requests.keep_body(record, body.value, len(raw_body))
        return Received(match, request.headers, request.query, body, record.address)

    def _answer(self, received: Received, record: RecordedRequest, fault: Fault | None) -> Answer:
        """The genuine answer, the fault's instead of it, or the fault's on top of it."""
        if fault is None:
            return self._sandbox.pipeline.answer(received, record)
        if fault.kind is FaultKind.RATE_LIMITED:
            record.limited = fault.scope
            return self._rate_limited(fault, received.match)
        genuine = None
        if fault.applies or fault.kind is FaultKind.HANG:
            genuine = self._sandbox.pipeline.answer(received, record)
        return substitute(fault) or genuine or Answer(500)

    def _rate_limited(self, fault: Fault, matched: Match) -> Answer:
        claimant = matched.route.claim if matched.route else None
        claim = claimant(self._sandbox.world, matched.params) if claimant else None
        headers = {} if fault.scope is Scope.GLOBAL else self._sandbox.limiter.shown_headers(claim)
        return too_many_requests(fault.scope, fault.retry_after_seconds, headers)

    async def _send(
        self, request: web.Request, answer: Answer, record: RecordedRequest, struck: Struck
    ) -> web.StreamResponse:
        sandbox = self._sandbox
        sandbox.addresses.note(record.address, answer.status, record.limited)
        await self._wait(struck)
        fault = struck.fault
        delivery = None if fault is None else _delivery(fault)
        if delivery in {FaultKind.RESET, FaultKind.HANG}:
            return await _withheld(request, fault if delivery is FaultKind.HANG else None)
        record.note_answer(answer.status, answer.payload, sandbox.clock.monotonic())
        if delivery is FaultKind.TRUNCATED:
            return wire.truncate(request, answer)
        if fault and delivery is FaultKind.DRIP:
            return await wire.drip(request, answer, fault.seconds or 0.0)
        return wire.respond(answer)

    async def _wait(self, struck: Struck) -> None:
        options = self._sandbox.options
        jitter = random.random() * options.latency_jitter_seconds  # noqa: S311 - chance, not secrecy
        seconds = options.latency_seconds + jitter + sum(fault.delay() for fault in struck.latencies)
        if seconds > 0:
            await asyncio.sleep(seconds)


def _delivery(fault: Fault) -> FaultKind | None:
    """The bad way of sending, if it is one."""
    if fault.kind is FaultKind.LOST_REPLY:
        return LOST_REPLY_DELIVERY.get(fault.then)
    if fault.kind is FaultKind.HANG:
        return FaultKind.HANG if fault.applies else None
    return fault.kind if fault.kind in {FaultKind.RESET, FaultKind.TRUNCATED, FaultKind.DRIP} else None


async def _withheld(request: web.Request, hang: Fault | None) -> web.StreamResponse:
    """No answer at all: at once, or after the caller was kept waiting."""
    if hang is not None:
        await hang.held()
    return wire.reset(request)

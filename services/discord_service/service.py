"""The only way to Discord and to the audit log.

Every action runs in a task of its own, because a caller may leave while it runs. What was not sent yet is stopped
when its caller leaves or its time is up; what may have reached Discord is finished and put on the record, whoever is
still listening. `_carry_out` therefore never raises: it returns what happened, and `perform` tells the caller.
"""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Final

from services.actions import Action
from services.authorization import authorize, check_place, needs_place
from services.budget import Budget
from services.discord_service.keys import Keys
from services.discord_service.places import Places
from services.discord_service.run import Performed, Result, Run
from services.discord_service.waiting import done_within
from services.errors import (
    ActionError,
    AuditUnavailable,
    DeadlineExceeded,
    ErrorCode,
    Internal,
    OutcomeKind,
    Overloaded,
    RememberedFailure,
    ShuttingDown,
)
from services.ports import (
    Answer,
    AuditLog,
    Call,
    Caller,
    Clock,
    Discord,
    IdempotencyStore,
    NoQuotas,
    Priority,
    Quotas,
    Reply,
    Request,
    Verdict,
)
from services.telemetry import Event, get_logger, span
from services.telemetry.metrics import Metrics

# An action that waits takes 40 KiB over gRPC and 60 over REST, with the longest message twice that: in any mixture all
# of them fit into a container of 512 MiB. They are a minute of the bot's whole allowance.
MOST_RUNNING: Final = 3_000
KEPT_FOR_MODERATION: Final = 200
RETRY_SOON_SECONDS: Final = 1.0
# The action itself ends at its deadline and knows best how; the caller's wait is a little longer so that it can say so.
ANSWER_MARGIN_SECONDS: Final = 0.05
STOP_SECONDS: Final = 2.0

log = get_logger(__name__)


class DiscordService:
    """Carries out actions: authorized, at most once, within the limits, on the record."""

    def __init__(
        self,
        discord: Discord,
        audit: AuditLog,
        idempotency: IdempotencyStore,
        clock: Clock,
        metrics: Metrics,
        *,
        quotas: Quotas | None = None,
    ) -> None:
        self._discord = discord
        self._audit = audit
        self._keys = Keys(idempotency, clock)
        self._places = Places(discord, clock)
        self._quotas = quotas or NoQuotas()
        self._clock = clock
        self._metrics = metrics
        self._running: dict[asyncio.Task[Result], Run] = {}
        self._is_closing = False
        metrics.watch("in_flight", lambda: len(self._running))

    async def perform(self, action: Action, caller: Caller, request: Request) -> Performed:
        """Carries out `action` for `caller` and puts it on the record.

        Raises an ActionError; its `action_id` names the row when there is one.
        """
        run = Run.accept(action, caller, request, self._clock)
        run.delivery.before_attempt = partial(self._attempt, run)
        task = asyncio.Task(self._carry_out(run), loop=asyncio.get_running_loop(), eager_start=True)
        self._running[task] = run
        task.add_done_callback(self._forget)
        result = await self._wait(task, run)
        if isinstance(result, ActionError):
            raise result
        return result

    async def drain(self, budget: Budget, stop_seconds: float = STOP_SECONDS) -> None:
        """Takes no more actions, lets those that run finish within the budget, and stops the rest.

        What is stopped is answered and recorded, `not_sent`, or unknown where it may have happened: within
        `stop_seconds` more.
        """
        self._is_closing = True
        await budget.wait(set(self._running))
        for task, run in list(self._running.items()):
            _stop(task, run, ShuttingDown(retry_after_seconds=RETRY_SOON_SECONDS))
        if self._running:
            await asyncio.wait(set(self._running), timeout=stop_seconds)
        await self._places.close()

    @property
    def running_count(self) -> int:
        return len(self._running)

    def _forget(self, task: "asyncio.Task[Result]") -> None:
        del self._running[task]

    async def _wait(self, task: "asyncio.Task[Result]", run: Run) -> Result:
        """The result, or what is known at the deadline. The task of an action that may be at Discord runs on."""
        patience = run.request.deadline - self._clock.monotonic() + ANSWER_MARGIN_SECONDS
        try:
            is_done = await done_within(task, max(patience, 0))
        except asyncio.CancelledError:
            if not run.delivery.is_exposed:
                _stop(task, run, DeadlineExceeded("The caller gave up before anything was sent."))
            raise
        if not is_done and run.delivery.is_exposed:
            unfinished = run.left_open
            unfinished.action_id = run.stamp.action_id
            return unfinished
        if not is_done:
            _stop(task, run, DeadlineExceeded("The deadline passed before anything was sent."))
        return await task

    async def _carry_out(self, run: Run) -> Result:
        with span("action", action=run.entry.action_type, action_id=run.entry.action_id) as spanned:
            result = await self._finish(run)
            if isinstance(result, ActionError):
                spanned.fail(result.code.slug)
            return result

    async def _finish(self, run: Run) -> Result:
        try:
            result: Result = await self._deliver(run)
        except asyncio.CancelledError:
            result = run.left_open
        except ActionError as exc:
            result = run.settled(exc)
        except Exception:
            log.exception("action failed", action=run.entry.action_type, request_id=run.request.request_id)
            may_have_happened = run.may_have_happened or run.is_replay
            result = Internal(OutcomeKind.UNKNOWN if may_have_happened else OutcomeKind.NOT_SENT)
        run.is_ending = True
        if run.is_replay:
            self._metrics.replayed(run.request.protocol)
            return result
        try:
            await self._conclude(run, result)
        except Exception:  # the end is known: whatever goes wrong with keeping it, the caller is told no other
            log.exception("the end of an action was not kept", action_id=run.stamp.action_id)
        return result

    async def _deliver(self, run: Run) -> Performed:
        self._refuse_when_unable(run.delivery.priority)
        await self._admit(run)
        answer = await self._keys.enter(run)
        if answer is not None:
            run.is_replay = True
            return await self._replay(run, answer)
        await self._audit.begin(run.entry)
        run.is_recorded = True
        reply = await self._discord.send(run.action.call(run.stamp), run.delivery)
        return Performed(run.stamp.action_id, run.action.outcome(reply))

    async def _admit(self, run: Run) -> None:
        """Raises PermissionDenied or RateLimited; what a look-up of the place raises, where one is needed."""
        authorize(run.action, run.caller)
        await self._quotas.take(run.caller)
        if needs_place(run.action, run.caller):
            place = await self._places.of(run.action, run.caller.client_id, run.request.deadline)
            check_place(run.action, run.caller, place)
            run.stand_in(place)

    async def _attempt(self, run: Run) -> None:
        """Bytes are about to leave: only while the key is held, and not without a record."""
        self._keys.check_held(run)
        await self._audit.attempt(run.entry)

    def _refuse_when_unable(self, priority: Priority) -> None:
        if self._is_closing:
            raise ShuttingDown(retry_after_seconds=RETRY_SOON_SECONDS)
        most = MOST_RUNNING if priority is Priority.MODERATION else MOST_RUNNING - KEPT_FOR_MODERATION
        if len(self._running) >= most:
            raise Overloaded(f"{most} actions are waiting already.", retry_after_seconds=RETRY_SOON_SECONDS)

    async def _replay(self, run: Run, answer: Answer) -> Performed:
        """The first request's answer again. What the record may not hold is asked of Discord once more."""
        if answer.failure is not None:
            raise RememberedFailure(answer.failure)
        record = answer.record or {}
        asks_again = run.action.recall(record)
        if asks_again is None:
            outcome = run.action.outcome_type.model_validate(record)
        else:
            outcome = run.action.outcome(await self._ask_again(asks_again, run, answer))
        return Performed(answer.action_id, outcome, replayed=True)

    async def _ask_again(self, asks_again: Call, run: Run, answer: Answer) -> Reply:
        """A failure to ask again says nothing against the first request: that one was delivered."""
        try:
            return await self._discord.send(asks_again, run.unrecorded())
        except asyncio.CancelledError:
            raise _untold(answer, run.stopped_by or DeadlineExceeded()) from None
        except ActionError as exc:
            raise _untold(answer, exc) from exc

    async def _conclude(self, run: Run, result: Result) -> None:
        """Puts the end on the record, remembers the answer, and tells whoever watches."""
        verdict = run.verdict(result, self._clock.monotonic())
        if await self._is_on_record(run, result):
            await self._audit.end(run.entry, verdict)
            if isinstance(result, ActionError):
                result.action_id = run.stamp.action_id
        if run.holds_key:
            await self._keys.leave(run, run.ending(result))
        self._tell(run, verdict)

    async def _is_on_record(self, run: Run, result: Result) -> bool:
        """A request refused before its intent was recorded is recorded now, if anything can be."""
        if run.is_recorded or isinstance(result, AuditUnavailable):
            return run.is_recorded
        try:
            await self._audit.begin(run.entry)
        except AuditUnavailable:
            return False
        return True

    def _tell(self, run: Run, verdict: Verdict) -> None:
        self._metrics.action_finished(
            run.entry.action_type,
            run.request.protocol,
            verdict.outcome.value,
            verdict.error_code or "ok",
            verdict.duration_ms / 1000,
            run.stages(self._clock.monotonic()),
        )
        log.info(
            "action",
            event=Event.AUTHZ if verdict.error_code == ErrorCode.PERMISSION_DENIED.slug else Event.AUDIT,
            caller=run.entry.client_id,
            guild=run.entry.guild_id,
            target_user=run.entry.user_id,
            action=run.entry.action_type,
            action_id=run.entry.action_id,
            result=verdict.outcome.value,
            code=verdict.error_code,
            request_id=run.entry.request_id,
            duration_ms=verdict.duration_ms,
        )


def _untold(answer: Answer, why: ActionError) -> RememberedFailure:
    detail = f"An earlier request with this key was delivered, but its result cannot be told again: {why.detail}"
    return RememberedFailure(
        replace(why.failure, detail=detail, outcome=OutcomeKind.DELIVERED, action_id=answer.action_id, replayed=True)
    )


def _stop(task: "asyncio.Task[Result]", run: Run, because: ActionError) -> None:
    """Stops an action that has no end yet; one that is being put on the record is left to it."""
    if not run.is_ending:
        run.stopped_by = because
        task.cancel()

"""One action being carried out: what is known of it when it is accepted, and what follows from how it ended."""

import json
from dataclasses import dataclass, replace
from hashlib import blake2b

from uuid_utils import uuid7

from services.actions import Action, Outcome, Stamp, nonce_of
from services.errors import (
    ActionError,
    BotTokenInvalid,
    DeadlineExceeded,
    OutcomeKind,
    unsettled,
)
from services.ports import (
    Answer,
    AuditEntry,
    Caller,
    Clock,
    Delivery,
    Ending,
    IdempotencyClaim,
    Orphaned,
    Place,
    Priority,
    Repeat,
    Reply,
    Request,
    Unsettled,
    Verdict,
)
from services.telemetry.metrics import Stages


@dataclass(frozen=True, slots=True)
class Performed:
    """A delivered action. `replayed`: an earlier request with the same idempotency key did it."""

    action_id: str
    outcome: Outcome
    replayed: bool = False


type Result = Performed | ActionError


@dataclass(slots=True)
class Run:
    """One action being carried out, and how far it got."""

    action: Action
    caller: Caller
    request: Request
    stamp: Stamp
    entry: AuditEntry
    delivery: Delivery
    started: float
    claim: IdempotencyClaim | None
    is_recorded: bool = False
    holds_key: bool = False
    is_replay: bool = False
    is_ending: bool = False
    inherited: Orphaned | None = None
    """An earlier request with the same key, whose process died: it may have worked."""
    stopped_by: ActionError | None = None

    @classmethod
    def accept(cls, action: Action, caller: Caller, request: Request, clock: Clock) -> "Run":
        """Gives the action its id, its time and its nonce."""
        stamp = _stamp(caller, request, clock)
        return cls(
            action=action,
            caller=caller,
            request=request,
            stamp=stamp,
            entry=_entry(action, request, stamp),
            delivery=_delivery(action, caller, request),
            started=clock.monotonic(),
            claim=_claim(action, caller, request),
        )

    def stand_in(self, place: Place | None) -> None:
        """Puts the guild, and a webhook's channel, on the record, once it is known that the caller may act there."""
        if place is not None:
            entry = self.entry
            self.entry = replace(
                entry, guild_id=place.guild_id or entry.guild_id, channel_id=entry.channel_id or place.channel_id
            )

    @property
    def is_in_doubt(self) -> bool:
        """Whether an earlier request may have worked that a success alone can settle."""
        return self.inherited is not None and not self.action.repeat.is_safe_for_callers

    @property
    def may_have_happened(self) -> bool:
        """Whether it, or the request it repeats, may have been carried out."""
        return self.delivery.is_exposed or self.is_in_doubt

    @property
    def left_open(self) -> ActionError:
        """The failure for an action that is stopped: unsettled when it may have reached Discord."""
        if self.may_have_happened:
            detail = "Discord has not answered yet, and the action may still be carried out."
            return unsettled(is_safe_to_repeat=self.action.repeat.is_safe_for_callers, detail=detail)
        return self.stopped_by or DeadlineExceeded()

    def settled(self, failed: ActionError) -> Result:
        """What a failure means, given that an earlier request may have worked (`keys` tells why)."""
        if self.inherited is None:
            return failed
        said = failed.discord
        if said is not None and said.code in self.action.already_done_codes:
            outcome = self.action.outcome(Reply(said.status, was_already_done=True))
            return Performed(self.stamp.action_id, outcome)
        if self.is_in_doubt and failed.outcome is not OutcomeKind.UNKNOWN:
            return unsettled(is_safe_to_repeat=False, detail=failed.detail, discord=said)
        return failed

    def stages(self, ended: float) -> Stages:
        """Where its time went."""
        waiting, at_discord = self.delivery.waiting_seconds, self.delivery.discord_seconds
        return Stages(waiting, at_discord, max(ended - self.started - waiting - at_discord, 0.0))

    def verdict(self, result: Result, ended: float) -> Verdict:
        """The end as it goes on the record."""
        failed = result if isinstance(result, ActionError) else None
        return Verdict(
            failed.outcome if failed else OutcomeKind.DELIVERED,
            error_code=failed.code.slug if failed else None,
            error_message=failed.detail if failed else None,
            discord_status=self.delivery.discord_status,
            attempts=self.delivery.attempts,
            duration_ms=round((ended - self.started) * 1000),
            response_data=result.outcome.record() if isinstance(result, Performed) else None,
        )

    def ending(self, result: Result) -> Ending:
        """What to leave under the idempotency key: the answer, or room for a repeat that may change or settle it."""
        if isinstance(result, Performed):
            return Answer(self.stamp.action_id, record=result.outcome.record())
        if self.is_in_doubt:
            return None
        may_try_again = result.is_retryable or result.outcome is OutcomeKind.NOT_SENT
        if may_try_again or isinstance(result, BotTokenInvalid):
            return None
        answer = Answer(self.stamp.action_id, failure=result.failure)
        is_unclear = result.outcome is OutcomeKind.UNKNOWN
        return Unsettled(answer) if is_unclear and self.action.repeat is Repeat.WITH_NONCE else answer

    def unrecorded(self) -> Delivery:
        """A delivery for asking Discord again: it changes nothing there, so there is nothing to record."""
        delivery = _delivery(self.action, self.caller, self.request)
        delivery.repeat = Repeat.SAME_EFFECT
        return delivery


async def _nothing() -> None:
    return


def _stamp(caller: Caller, request: Request, clock: Clock) -> Stamp:
    action_id = str(uuid7())
    nonce = nonce_of(caller.client_id, request.idempotency_key or action_id)
    return Stamp(action_id, caller.client_id, clock.now(), nonce)


def _entry(action: Action, request: Request, stamp: Stamp) -> AuditEntry:
    return AuditEntry(
        action_id=stamp.action_id,
        action_type=action.audit_name,
        created_at=stamp.accepted_at,
        client_id=stamp.client_id,
        protocol=request.protocol,
        request_id=request.request_id,
        idempotency_key=request.idempotency_key,
        guild_id=action.guild,
        channel_id=action.channel,
        user_id=action.user,
        request_data=action.record(),
    )


def _delivery(action: Action, caller: Caller, request: Request) -> Delivery:
    is_bulk = request.is_bulk and action.priority is Priority.ORDINARY
    return Delivery(
        deadline=request.deadline,
        priority=Priority.BULK if is_bulk else action.priority,
        repeat=action.repeat,
        already_done_codes=action.already_done_codes,
        client_id=caller.client_id,
        before_attempt=_nothing,
    )


def _claim(action: Action, caller: Caller, request: Request) -> IdempotencyClaim | None:
    if request.idempotency_key is None:
        return None
    fields = action.model_dump(mode="json", exclude_defaults=True)  # a release may add fields between two repeats
    asked = json.dumps([action.audit_name, fields], sort_keys=True)
    fingerprint = blake2b(asked.encode(), digest_size=16).hexdigest()
    return IdempotencyClaim(caller.client_id, request.idempotency_key, fingerprint)

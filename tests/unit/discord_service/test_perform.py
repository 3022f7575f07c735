import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.actions import Action, AddReaction, BanUser, CreateWebhook, MessageSent, SendMessage, SendWebhook, parse
from services.budget import Budget
from services.discord_service import DiscordService, Performed
from services.discord_service.service import KEPT_FOR_MODERATION, MOST_RUNNING
from services.errors import (
    ActionError,
    AuditUnavailable,
    DeadlineExceeded,
    DiscordRejected,
    DiscordSaid,
    DiscordUnavailable,
    ErrorCode,
    IdempotencyMismatch,
    Internal,
    OutcomeKind,
    OutcomeUnknown,
    Overloaded,
    PermissionDenied,
    RateLimited,
    ShuttingDown,
)
from services.idempotency import InProcessIdempotencyStore
from services.ports import AuditEntry, Caller, MessageBody, Priority, Reply, Request, Verdict, WebhookBody
from services.telemetry.metrics import Metrics
from tests.fakes import MemoryAuditLog, ScriptedDiscord
from tests.fakes.discord import Step, answers, fails, hangs_after_sending, waits_before_sending

ROUTER = Caller("router")
SENT = Reply(200, MessageBody(id="900"))


class RealClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


class House:
    """The service with scripted surroundings."""

    def __init__(self, *steps: Step) -> None:
        self.discord = ScriptedDiscord(*steps)
        self.audit = MemoryAuditLog()
        clock = RealClock()
        self.service = DiscordService(
            self.discord, self.audit, InProcessIdempotencyStore(clock), clock, Metrics("test", "0")
        )


def message(content: str = "hello") -> SendMessage:
    return parse(SendMessage, {"channel_id": "123", "content": content})


def ban() -> BanUser:
    return parse(BanUser, {"guild_id": "1", "user_id": "2"})


def reaction() -> AddReaction:
    return parse(AddReaction, {"channel_id": "123", "message_id": "456", "emoji": "👍"})


def webhook_message() -> SendWebhook:
    return parse(SendWebhook, {"webhook_url": "https://discord.com/api/webhooks/5/secret", "content": "x"})


def request(key: str | None = None, seconds: float = 5.0, *, is_bulk: bool = False) -> Request:
    return Request("grpc", "r-1", time.monotonic() + seconds, idempotency_key=key, is_bulk=is_bulk)


async def test_a_delivered_action_is_answered_and_on_the_record() -> None:
    house = House(answers(SENT))
    performed = await house.service.perform(message(), ROUTER, request())
    assert performed.outcome == MessageSent(message_id="900")
    [(entry, verdict)] = house.audit.ended
    assert (entry.action_id, entry.action_type, entry.client_id) == (performed.action_id, "send_message", "router")
    assert (verdict.success, verdict.outcome, verdict.attempts) == (True, OutcomeKind.DELIVERED, 1)
    assert verdict.response_data == {"message_id": "900"}
    assert verdict.discord_status == 200


async def test_the_intent_is_recorded_before_the_attempt() -> None:
    house = House(answers(SENT))
    performed = await house.service.perform(message(), ROUTER, request())
    assert [entry.action_id for entry in house.audit.begun] == house.audit.attempted == [performed.action_id]


async def test_a_refusal_of_discords_is_raised_with_the_rows_id() -> None:
    refusal = DiscordRejected(ErrorCode.DISCORD_UNKNOWN_CHANNEL, "Unknown Channel", discord=DiscordSaid(404, 10003))
    house = House(fails(refusal))
    with pytest.raises(DiscordRejected) as caught:
        await house.service.perform(message(), ROUTER, request())
    [(entry, verdict)] = house.audit.ended
    assert caught.value.action_id == entry.action_id
    assert (verdict.success, verdict.outcome, verdict.error_code) == (
        False,
        OutcomeKind.REJECTED,
        "discord_unknown_channel",
    )


async def test_what_cannot_be_recorded_is_not_sent() -> None:
    house = House()
    house.audit.is_full = True
    with pytest.raises(AuditUnavailable) as caught:
        await house.service.perform(message(), ROUTER, request())
    assert house.discord.calls == []
    assert caught.value.action_id is None


async def test_a_denied_action_is_on_the_record_and_never_sent() -> None:
    house = House()
    with pytest.raises(PermissionDenied, match="messages"):
        await house.service.perform(message(), Caller("guest", frozenset({"roles"})), request())
    assert house.audit.verdicts[0].error_code == "permission_denied"
    assert house.discord.calls == []


async def test_the_unforeseen_is_internal_and_tells_nothing() -> None:
    house = House(fails(RuntimeError("secret detail"), exposed=True))
    with pytest.raises(Internal) as caught:
        await house.service.perform(message(), ROUTER, request())
    assert "secret" not in caught.value.detail
    assert house.audit.verdicts[0].outcome is OutcomeKind.UNKNOWN


async def test_at_the_deadline_what_was_not_sent_is_stopped() -> None:
    house = House(waits_before_sending(asyncio.Event()))
    with pytest.raises(DeadlineExceeded):
        await house.service.perform(message(), ROUTER, request(seconds=0.05))
    assert house.audit.verdicts[0].outcome is OutcomeKind.NOT_SENT
    assert house.service.running_count == 0


@pytest.mark.parametrize(
    ("action", "expected"),
    [(message, OutcomeUnknown), (webhook_message, OutcomeUnknown), (reaction, DiscordUnavailable)],
)
async def test_at_the_deadline_what_was_sent_goes_on_and_is_recorded(
    action: Callable[[], Action], expected: type[ActionError]
) -> None:
    reply_comes = asyncio.Event()
    house = House(hangs_after_sending(reply_comes, SENT))
    with pytest.raises(expected) as caught:
        await house.service.perform(action(), ROUTER, request(seconds=0.4))
    assert caught.value.outcome is OutcomeKind.UNKNOWN
    assert house.audit.ended == []
    reply_comes.set()
    await _until(lambda: house.service.running_count == 0)
    [(entry, verdict)] = house.audit.ended
    assert entry.action_id == caught.value.action_id
    assert verdict.outcome is OutcomeKind.DELIVERED


async def test_a_caller_that_leaves_stops_what_was_not_sent() -> None:
    house = House(waits_before_sending(asyncio.Event()))
    waiting = asyncio.create_task(house.service.perform(message(), ROUTER, request()))
    await _until(lambda: bool(house.discord.calls))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await _until(lambda: house.service.running_count == 0)
    assert house.audit.verdicts[0].error_code == "deadline_exceeded"


async def test_a_caller_that_leaves_does_not_stop_what_was_sent() -> None:
    reply_comes = asyncio.Event()
    house = House(hangs_after_sending(reply_comes, SENT))
    waiting = asyncio.create_task(house.service.perform(message(), ROUTER, request()))
    await _until(lambda: bool(house.audit.attempted))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    reply_comes.set()
    await _until(lambda: house.service.running_count == 0)
    assert house.audit.verdicts[0].outcome is OutcomeKind.DELIVERED


async def test_draining_stops_what_does_not_finish_and_says_what_is_known() -> None:
    never = asyncio.Event()
    house = House(waits_before_sending(never), hangs_after_sending(never, SENT))
    unsent = asyncio.create_task(house.service.perform(message("a"), ROUTER, request()))
    exposed = asyncio.create_task(house.service.perform(message("b"), ROUTER, request()))
    await _until(lambda: len(house.discord.calls) == 2)
    await house.service.drain(Budget.of(0.05))
    with pytest.raises(ShuttingDown):
        await unsent
    with pytest.raises(OutcomeUnknown):
        await exposed
    assert {verdict.outcome for verdict in house.audit.verdicts} == {OutcomeKind.NOT_SENT, OutcomeKind.UNKNOWN}
    with pytest.raises(ShuttingDown):
        await house.service.perform(message("c"), ROUTER, request())


async def test_more_than_may_wait_is_refused_and_leaves_nothing_behind() -> None:
    never = asyncio.Event()
    house = House(*[waits_before_sending(never)] * MOST_RUNNING)

    def start(action: Action) -> asyncio.Task[Performed]:
        return asyncio.create_task(house.service.perform(action, ROUTER, request(seconds=60)))

    waiting = [start(message()) for _ in range(MOST_RUNNING - KEPT_FOR_MODERATION)]
    await _until(lambda: len(house.discord.calls) == len(waiting))
    with pytest.raises(Overloaded):
        await house.service.perform(message(), ROUTER, request())
    waiting += [start(ban()) for _ in range(KEPT_FOR_MODERATION)]
    await _until(lambda: len(house.discord.calls) == MOST_RUNNING)
    for one_too_many in (message(), ban()):
        with pytest.raises(Overloaded):
            await house.service.perform(one_too_many, ROUTER, request())
    await _until(lambda: house.service.running_count == MOST_RUNNING)
    await house.service.drain(Budget.of(0.05))
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_same_key_acts_once_and_is_marked_as_a_replay() -> None:
    house = House(answers(SENT))
    first = await house.service.perform(message(), ROUTER, request("k"))
    again = await house.service.perform(message(), ROUTER, request("k"))
    assert (again.action_id, again.outcome, again.replayed) == (first.action_id, first.outcome, True)
    assert len(house.discord.calls) == len(house.audit.ended) == 1


async def test_ten_at_once_with_one_key_act_once() -> None:
    reply_comes = asyncio.Event()
    house = House(hangs_after_sending(reply_comes, SENT))
    waiting = [asyncio.create_task(house.service.perform(message(), ROUTER, request("k"))) for _ in range(10)]
    await _until(lambda: bool(house.discord.calls))
    reply_comes.set()
    performed = await asyncio.gather(*waiting)
    assert len({one.action_id for one in performed}) == 1
    assert len(house.discord.calls) == 1


async def test_the_same_key_for_something_else_is_refused() -> None:
    house = House(answers(SENT))
    await house.service.perform(message("a"), ROUTER, request("k"))
    with pytest.raises(IdempotencyMismatch):
        await house.service.perform(message("b"), ROUTER, request("k"))
    assert len(house.discord.calls) == 1


async def test_another_callers_key_is_another_key() -> None:
    house = House(answers(SENT), answers(SENT))
    await house.service.perform(message(), ROUTER, request("k"))
    again = await house.service.perform(message(), Caller("other"), request("k"))
    assert not again.replayed


async def test_what_was_not_sent_frees_its_key() -> None:
    house = House(fails(RateLimited(retry_after_seconds=2)), answers(SENT))
    with pytest.raises(RateLimited):
        await house.service.perform(message(), ROUTER, request("k"))
    assert not (await house.service.perform(message(), ROUTER, request("k"))).replayed


async def test_an_unknown_outcome_is_remembered_and_never_repeated() -> None:
    house = House(fails(OutcomeUnknown(), exposed=True))
    with pytest.raises(OutcomeUnknown):
        await house.service.perform(webhook_message(), ROUTER, request("k"))
    with pytest.raises(ActionError) as caught:
        await house.service.perform(webhook_message(), ROUTER, request("k"))
    assert caught.value.replayed
    assert caught.value.code is ErrorCode.OUTCOME_UNKNOWN
    assert len(house.discord.calls) == 1


async def test_a_message_with_an_unknown_outcome_is_settled_by_its_repeat() -> None:
    house = House(fails(OutcomeUnknown(), exposed=True), answers(SENT))
    with pytest.raises(OutcomeUnknown):
        await house.service.perform(message(), ROUTER, request("k"))
    settled = await house.service.perform(message(), ROUTER, request("k"))
    again = await house.service.perform(message(), ROUTER, request("k"))
    assert (settled.replayed, again.replayed) == (False, True)
    assert settled.outcome == again.outcome == MessageSent(message_id="900")
    first, second = house.discord.calls
    assert first.body is not None
    assert second.body is not None
    assert first.body["nonce"] == second.body["nonce"]
    assert [verdict.outcome for verdict in house.audit.verdicts] == [OutcomeKind.UNKNOWN, OutcomeKind.DELIVERED]


async def test_a_created_webhooks_url_is_asked_for_again_not_kept() -> None:
    created = Reply(200, WebhookBody(id="5", token="tok"))
    house = House(answers(created), answers(created))
    action = parse(CreateWebhook, {"channel_id": "123"})
    first = await house.service.perform(action, ROUTER, request("k"))
    again = await house.service.perform(action, ROUTER, request("k"))
    assert again.outcome == first.outcome
    assert [call.method for call in house.discord.calls] == ["POST", "GET"]
    assert house.audit.verdicts[0].response_data == {"webhook_id": "5"}


async def test_a_lookup_that_fails_does_not_deny_the_first_request() -> None:
    gone = DiscordRejected(ErrorCode.DISCORD_UNKNOWN_WEBHOOK, "Unknown Webhook", discord=DiscordSaid(404, 10015))
    house = House(answers(Reply(200, WebhookBody(id="5", token="tok"))), fails(gone))
    action = parse(CreateWebhook, {"channel_id": "123"})
    first = await house.service.perform(action, ROUTER, request("k"))
    with pytest.raises(ActionError) as caught:
        await house.service.perform(action, ROUTER, request("k"))
    assert (caught.value.outcome, caught.value.replayed) == (OutcomeKind.DELIVERED, True)
    assert caught.value.action_id == first.action_id


async def test_a_lookup_that_takes_too_long_does_not_deny_the_first_request() -> None:
    house = House(answers(Reply(200, WebhookBody(id="5", token="tok"))), waits_before_sending(asyncio.Event()))
    action = parse(CreateWebhook, {"channel_id": "123"})
    first = await house.service.perform(action, ROUTER, request("k"))
    with pytest.raises(ActionError) as caught:
        await house.service.perform(action, ROUTER, request("k", seconds=0.4))
    assert (caught.value.outcome, caught.value.replayed) == (OutcomeKind.DELIVERED, True)
    assert caught.value.action_id == first.action_id


async def test_an_end_that_cannot_be_kept_is_told_all_the_same() -> None:
    class Unkept(MemoryAuditLog):
        async def end(self, entry: AuditEntry, verdict: Verdict) -> None:
            raise RuntimeError("no")

    house = House(answers(SENT))
    service = DiscordService(
        house.discord, Unkept(), InProcessIdempotencyStore(RealClock()), RealClock(), Metrics("test", "0")
    )
    performed = await service.perform(message(), ROUTER, request())
    assert performed.outcome == MessageSent(message_id="900")


async def test_the_nonce_is_the_same_for_the_same_key_only() -> None:
    house = House(*(fails(RateLimited()) for _ in range(3)))
    for key in ("k", "k", None):
        with pytest.raises(RateLimited):
            await house.service.perform(message(), ROUTER, request(key))
    first, second, third = [(call.body or {})["nonce"] for call in house.discord.calls]
    assert first == second != third


async def test_bulk_waits_behind_the_ordinary() -> None:
    house = House(answers(SENT))
    await house.service.perform(message(), ROUTER, request(is_bulk=True))
    assert house.discord.deliveries[0].priority is Priority.BULK


async def _until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_true():  # noqa: ASYNC110 -- any state can be waited for, and most have no event
            await asyncio.sleep(0.001)

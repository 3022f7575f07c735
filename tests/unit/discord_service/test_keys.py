"""What follows for an action when the process of an earlier request died, or the store of keys is away."""

import asyncio
import time
from collections import deque

import pytest

from services.actions import (
    Action,
    AddReaction,
    BanUser,
    DeleteMessage,
    MessageSent,
    SendEmbed,
    SendMessage,
    SendWebhook,
    parse,
)
from services.discord_service import DiscordService
from services.discord_service.run import Run
from services.errors import (
    ActionError,
    DeadlineExceeded,
    DiscordRejected,
    DiscordSaid,
    ErrorCode,
    KeysUnavailable,
    OutcomeKind,
    OutcomeUnknown,
    RateLimited,
)
from services.idempotency.in_process import InProcessTable
from services.idempotency.store import IdempotencyKeys
from services.idempotency.table import Place
from services.ports import (
    NONCE_SECONDS,
    Answer,
    Begun,
    Caller,
    Ending,
    First,
    IdempotencyClaim,
    MessageBody,
    Orphaned,
    Replay,
    Reply,
    Request,
    Unprotected,
    Unsettled,
)
from services.telemetry.metrics import Metrics
from tests.fakes import MemoryAuditLog, ScriptedDiscord
from tests.fakes.discord import Step, answers, fails
from tests.support.keys import CLOCK

ROUTER = Caller("router")
SENT = Reply(200, MessageBody(id="900"))
DONE = Reply(204)
UNKNOWN_CHANNEL = DiscordRejected(ErrorCode.DISCORD_UNKNOWN_CHANNEL, "Unknown Channel", discord=DiscordSaid(404, 10003))
GONE = DiscordRejected(ErrorCode.DISCORD_UNKNOWN_MESSAGE, "Unknown Message", discord=DiscordSaid(404, 10008))

MESSAGE = parse(SendMessage, {"channel_id": "123", "content": "x"})
WEBHOOK = parse(SendWebhook, {"webhook_url": "https://discord.com/api/webhooks/5/secret", "content": "x"})
EMBED = parse(SendEmbed, {"channel_id": "123", "embed": {"title": "x"}})
REACTION = parse(AddReaction, {"channel_id": "123", "message_id": "456", "emoji": "👍"})
DELETION = parse(DeleteMessage, {"channel_id": "123", "message_id": "456"})
BAN = parse(BanUser, {"guild_id": "1", "user_id": "2"})

NEARLY_OVER = NONCE_SECONDS - 1
OVER = NONCE_SECONDS + 1


class ScriptedKeys:
    """A store that says what it was told to say, and remembers what it was given."""

    def __init__(self, *begun: Begun) -> None:
        self._begun = deque(begun)
        self.answers: list[Ending] = []
        self.is_held = True

    async def begin(self, claim: IdempotencyClaim, action_id: str, deadline: float) -> Begun:
        return self._begun.popleft()

    def holds(self, claim: IdempotencyClaim, action_id: str) -> bool:
        return self.is_held

    async def finish(self, claim: IdempotencyClaim, action_id: str, ending: Ending) -> None:
        self.answers.append(ending)


class House:
    def __init__(self, begun: Begun, *steps: Step) -> None:
        self.discord, self.audit, self.keys = ScriptedDiscord(*steps), MemoryAuditLog(), ScriptedKeys(begun)
        self.service = DiscordService(self.discord, self.audit, self.keys, CLOCK, Metrics("test", "0"))

    async def perform(self, action: Action, seconds: float = 30.0) -> MessageSent | object:
        asked = Request("grpc", "r-1", time.monotonic() + seconds, idempotency_key="k")
        return (await self.service.perform(action, ROUTER, asked)).outcome


@pytest.mark.parametrize("action", [WEBHOOK, MESSAGE])
async def test_an_orphan_that_must_not_be_repeated_is_unknown_and_stays_so(action: Action) -> None:
    house = House(Orphaned("first", OVER))
    with pytest.raises(ActionError) as caught:
        await house.perform(action)
    failed = caught.value
    assert (failed.code, failed.outcome) == (ErrorCode.OUTCOME_UNKNOWN, OutcomeKind.UNKNOWN)
    assert (failed.action_id, failed.replayed, failed.is_retryable) == ("first", True, False)
    assert house.discord.calls == []
    assert house.audit.begun == []
    [remembered] = house.keys.answers
    assert isinstance(remembered, Answer)
    assert remembered.action_id == "first"
    assert remembered.failure is not None


@pytest.mark.parametrize("age_seconds", [-5.0, NONCE_SECONDS, OVER])
async def test_a_message_is_not_sent_again_when_its_nonce_may_be_forgotten(age_seconds: float) -> None:
    house = House(Orphaned("first", age_seconds))
    with pytest.raises(ActionError, match="cut off"):
        await house.perform(MESSAGE)
    assert house.discord.calls == []


async def test_a_message_is_settled_by_sending_its_nonce_again() -> None:
    house = House(Orphaned("first", NEARLY_OVER), answers(SENT))
    assert await house.perform(MESSAGE) == MessageSent(message_id="900")
    [delivery] = house.discord.deliveries
    assert delivery.deadline <= time.monotonic() + 1
    [(entry, verdict)] = house.audit.ended
    assert verdict.outcome is OutcomeKind.DELIVERED
    assert house.keys.answers == [Answer(entry.action_id, record={"message_id": "900"})]


@pytest.mark.parametrize("refusal", [UNKNOWN_CHANNEL, GONE, RateLimited(retry_after_seconds=3), OutcomeUnknown()])
async def test_only_a_success_settles_a_message_and_else_it_may_be_tried_once_more(refusal: ActionError) -> None:
    house = House(Orphaned("first", 10), fails(refusal))
    with pytest.raises(OutcomeUnknown):
        await house.perform(MESSAGE)
    assert house.audit.verdicts[0].outcome is OutcomeKind.UNKNOWN
    assert house.keys.answers == [None]


async def test_a_message_that_is_stopped_before_it_was_sent_again_is_unknown() -> None:
    house = House(Orphaned("first", 10), fails(DeadlineExceeded()))
    with pytest.raises(OutcomeUnknown):
        await house.perform(MESSAGE)
    assert house.keys.answers == [None]


@pytest.mark.parametrize("action", [REACTION, BAN, DELETION])
async def test_what_is_safe_to_repeat_simply_runs_again(action: Action) -> None:
    house = House(Orphaned("first", OVER), answers(DONE))
    await house.perform(action)
    assert house.audit.verdicts[0].outcome is OutcomeKind.DELIVERED
    assert house.keys.answers != [None]


async def test_done_already_is_done_after_an_orphan_only() -> None:
    orphaned, first = House(Orphaned("first", OVER), fails(GONE)), House(First(), fails(GONE))
    await orphaned.perform(DELETION)
    assert orphaned.audit.verdicts[0].outcome is OutcomeKind.DELIVERED
    with pytest.raises(DiscordRejected):
        await first.perform(DELETION)


async def test_a_refusal_of_what_is_safe_to_repeat_is_told_and_remembered() -> None:
    house = House(Orphaned("first", 10), fails(UNKNOWN_CHANNEL))
    with pytest.raises(DiscordRejected):
        await house.perform(REACTION)
    [remembered] = house.keys.answers
    assert remembered is not None


@pytest.mark.parametrize("action", [MESSAGE, WEBHOOK])
async def test_without_a_store_what_could_act_twice_is_refused_on_the_record(action: Action) -> None:
    house = House(Unprotected("Redis is not there"))
    with pytest.raises(KeysUnavailable, match="Redis is not there") as caught:
        await house.perform(action)
    refused = caught.value
    assert (refused.code, refused.outcome) == (ErrorCode.AUDIT_UNAVAILABLE, OutcomeKind.NOT_SENT)
    assert refused.is_retryable
    assert refused.retry_after_seconds
    assert house.discord.calls == []
    assert house.audit.verdicts[0].outcome is OutcomeKind.NOT_SENT
    assert house.keys.answers == []


@pytest.mark.parametrize("action", [REACTION, BAN, DELETION])
async def test_without_a_store_the_others_go_on(action: Action) -> None:
    house = House(Unprotected("Redis is not there"), answers(DONE))
    await house.perform(action)
    assert house.keys.answers == []


async def test_what_lost_its_key_while_it_waited_is_not_sent() -> None:
    house = House(First(), answers(SENT))
    house.keys.is_held = False
    with pytest.raises(KeysUnavailable):
        await house.perform(MESSAGE)
    assert house.audit.attempted == []
    assert house.keys.answers == [None]
    harmless = House(First(), answers(DONE))
    harmless.keys.is_held = False
    await harmless.perform(REACTION)


async def test_an_answer_from_elsewhere_is_replayed() -> None:
    house = House(Replay(Answer("first", record={"message_id": "7"})))
    assert await house.perform(MESSAGE) == MessageSent(message_id="7")
    assert house.keys.answers == []


@pytest.mark.parametrize(("action", "is_left_open"), [(MESSAGE, True), (EMBED, True), (WEBHOOK, False)])
async def test_an_unclear_end_is_left_to_whoever_asks_again_only_where_a_nonce_settles_it(
    action: Action, is_left_open: bool
) -> None:
    house = House(First(), fails(OutcomeUnknown(), exposed=True))
    with pytest.raises(OutcomeUnknown) as caught:
        await house.perform(action)
    [ending] = house.keys.answers
    remembered = Answer(str(caught.value.action_id), failure=caught.value.failure)
    assert ending == (Unsettled(remembered) if is_left_open else remembered)


class SlowToSettle(InProcessTable):
    """Never comes back from a settlement."""

    async def settle(self, place: Place, fingerprint: str, owner: str, ending: Ending) -> None:
        await asyncio.Event().wait()


async def test_an_orphan_whose_end_is_slow_to_be_kept_is_still_told_as_unknown() -> None:
    house, table = House(First()), SlowToSettle(CLOCK)
    orphaned = Run.accept(WEBHOOK, ROUTER, Request("grpc", "r-1", 0.0, idempotency_key="k"), CLOCK).claim
    assert orphaned is not None
    await table.claim(Place.of(orphaned), orphaned.fingerprint, "first")
    await InProcessTable.settle(table, Place.of(orphaned), orphaned.fingerprint, "first", Unsettled(Answer("first")))
    async with IdempotencyKeys(table, CLOCK) as store:
        house.service = DiscordService(house.discord, house.audit, store, CLOCK, Metrics("test", "0"))
        with pytest.raises(OutcomeUnknown):
            await house.perform(WEBHOOK, seconds=0.4)
    assert house.discord.calls == []
    assert [verdict.outcome for verdict in house.audit.verdicts] == [OutcomeKind.UNKNOWN]


async def test_a_record_that_cannot_be_read_any_more_does_not_deny_the_first_request() -> None:
    house = House(Replay(Answer("first", record={"written by": "another release"})))
    with pytest.raises(ActionError) as caught:
        await house.perform(MESSAGE)
    assert caught.value.outcome is OutcomeKind.UNKNOWN
    assert not caught.value.is_retryable


class LaterMessage(SendMessage):
    """The action as a later release may know it, with one more thing to ask for."""

    is_silent: bool = False


def test_a_repeat_of_the_same_request_is_the_same_to_a_release_that_knows_more_fields() -> None:
    asked = Request("grpc", "r-1", 0.0, idempotency_key="k")
    fields = {"channel_id": "123", "content": "x"}
    now = Run.accept(parse(SendMessage, fields), ROUTER, asked, CLOCK).claim
    later = Run.accept(parse(LaterMessage, fields), ROUTER, asked, CLOCK).claim
    other = Run.accept(parse(LaterMessage, fields | {"is_silent": True}), ROUTER, asked, CLOCK).claim
    assert now == later != other

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from services.actions import Action, SendMessage, SendWebhook, parse
from services.discord_service.places import Places
from services.errors import (
    ActionError,
    BotTokenInvalid,
    DeadlineExceeded,
    DiscordRejected,
    DiscordSaid,
    DiscordUnavailable,
    ErrorCode,
    OutcomeKind,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
)
from services.ports import Call, ChannelBody, Delivery, Place, Reply, WebhookHomeBody
from tests.fakes import ManualClock, ScriptedDiscord
from tests.fakes.discord import Step, answers, fails

FAR = 1e9
GENERAL = Reply(200, ChannelBody(id="123", guild_id="1"))
THREAD = Reply(200, ChannelBody(id="125", guild_id="1"))
HOME = Reply(200, WebhookHomeBody(channel_id="123", guild_id="1"))
UNKNOWN = DiscordRejected(ErrorCode.DISCORD_UNKNOWN_CHANNEL, "Unknown.", discord=DiscordSaid(404, 10003))
NO_ACCESS = DiscordRejected(ErrorCode.DISCORD_MISSING_ACCESS, "No.", discord=DiscordSaid(403, 50001))


def message(channel: str = "123") -> Action:
    return parse(SendMessage, {"channel_id": channel, "content": "x"})


def webhook(token: str = "secret", webhook_id: str = "5") -> Action:
    return parse(SendWebhook, {"webhook_url": f"https://discord.com/api/webhooks/{webhook_id}/{token}", "content": "x"})


class Desk:
    def __init__(self, *steps: Step) -> None:
        self.clock = ManualClock()
        self.discord = ScriptedDiscord(*steps)
        self.places = Places(self.discord, self.clock, most_places=3)

    async def find(self, action: Action) -> Place | None:
        return await self.places.of(action, "shop", FAR)


@pytest.mark.parametrize(
    ("action", "reply", "place"),
    [
        (message(), GENERAL, Place("123", "1")),
        (message("125"), THREAD, Place("125", "1")),
        (message(), Reply(200, ChannelBody(id="123")), Place("123", None)),
        (webhook(), HOME, Place("123", "1")),
        (webhook(), Reply(200, WebhookHomeBody()), None),
    ],
)
async def test_a_place_is_what_discord_tells(action: Action, reply: Reply, place: Place | None) -> None:
    desk = Desk(answers(reply))
    assert await desk.find(action) == place
    (call,) = desk.discord.calls
    assert call.method == "GET"
    assert call.is_webhook is (action.webhook is not None)
    assert desk.discord.deliveries[0].client_id == "shop"


async def test_it_is_asked_once_until_it_is_old() -> None:
    desk = Desk(answers(GENERAL), answers(GENERAL))
    for _ in range(3):
        assert await desk.find(message()) == Place("123", "1")
    desk.clock.advance(3599)
    await desk.find(message())
    assert len(desk.discord.calls) == 1
    desk.clock.advance(1)
    await desk.find(message())
    assert len(desk.discord.calls) == 2


async def test_a_webhook_is_asked_for_more_often_and_by_its_token() -> None:
    desk = Desk(answers(HOME), fails(UNKNOWN), answers(HOME))
    assert await desk.find(webhook()) is not None
    assert await desk.find(webhook("guessed")) is None
    desk.clock.advance(300)
    await desk.find(webhook())
    assert len(desk.discord.calls) == 3
    assert "secret" not in repr(desk.places._known)


@pytest.mark.parametrize("refusal", [UNKNOWN, NO_ACCESS])
async def test_what_discord_does_not_tell_is_no_place_for_a_while(refusal: ActionError) -> None:
    desk = Desk(fails(refusal), answers(GENERAL))
    assert await desk.find(message()) is None
    assert await desk.find(message()) is None
    assert len(desk.discord.calls) == 1
    desk.clock.advance(30)
    assert await desk.find(message()) is not None


async def test_what_is_remembered_is_bounded() -> None:
    desk = Desk(*(answers(GENERAL) for _ in range(10)))
    for number in range(10):
        await desk.find(message(str(1000 + number)))
    assert len(desk.places) == 3


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (RateLimited(retry_after_seconds=7), ErrorCode.RATE_LIMITED),
        (DiscordUnavailable(retry_after_seconds=7), ErrorCode.DISCORD_UNAVAILABLE),
        (OutcomeUnknown(), ErrorCode.DISCORD_UNAVAILABLE),
        (BotTokenInvalid(), ErrorCode.BOT_TOKEN_INVALID),
    ],
)
async def test_what_comes_to_nothing_is_not_sent_and_not_remembered(failure: ActionError, code: ErrorCode) -> None:
    desk = Desk(fails(failure), answers(GENERAL))
    with pytest.raises(ActionError) as refused:
        await desk.find(message())
    assert refused.value is not failure
    assert (refused.value.code, refused.value.outcome) == (code, OutcomeKind.NOT_SENT)
    assert await desk.find(message()) == Place("123", "1")


@pytest.fixture
async def held() -> AsyncIterator[tuple[Desk, Callable[[], None]]]:
    """A Discord that answers when it is let go."""
    gate = asyncio.Event()

    async def step(call: Call, delivery: Delivery) -> Reply:
        await gate.wait()
        return GENERAL

    desk = Desk(step)
    yield desk, gate.set
    await desk.places.close()


async def test_all_who_ask_at_once_share_one_request(held: tuple[Desk, Callable[[], None]]) -> None:
    desk, let_go = held
    asking = [asyncio.create_task(desk.find(message())) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()
    let_go()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert set(found[1:]) == {Place("123", "1")}
    assert len(desk.discord.calls) == 1


async def test_one_caller_cannot_take_all_the_room() -> None:
    gate = asyncio.Event()

    async def step(call: Call, delivery: Delivery) -> Reply:
        await gate.wait()
        return GENERAL

    desk = Desk(*[step] * 51)
    asking = [asyncio.create_task(desk.places.of(message(str(1000 + n)), "greedy", FAR)) for n in range(50)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await desk.places.of(message("70"), "greedy", FAR)
    asking.append(asyncio.create_task(desk.places.of(message("71"), "modest", FAR)))
    gate.set()
    assert set(await asyncio.gather(*asking)) == {Place("123", "1")}
    await desk.places.of(message("71"), "greedy", FAR)


async def test_nobody_waits_longer_than_they_have(held: tuple[Desk, Callable[[], None]]) -> None:
    desk, _ = held
    with pytest.raises(DeadlineExceeded):
        await desk.places.of(message(), "shop", deadline=0.01)


async def test_who_waits_at_the_end_is_told(held: tuple[Desk, Callable[[], None]]) -> None:
    desk, _ = held
    waiting = asyncio.create_task(desk.find(message()))
    await asyncio.sleep(0)
    await desk.places.close()
    with pytest.raises(ActionError) as refused:
        await waiting
    assert refused.value.code is ErrorCode.SHUTTING_DOWN

"""The whole client on real connections: every fault × what a repeat would do, and what is known at every moment."""

from dataclasses import replace
from typing import Any

import pytest

from services.discord.retry import MOST_LIMITED_IN_A_ROW
from services.errors import (
    ActionError,
    DiscordRejected,
    DiscordUnavailable,
    ErrorCode,
    OutcomeKind,
    OutcomeUnknown,
    RateLimited,
)
from services.ports import Call, MessageBody, Repeat, Reply, Respelling, WebhookBody
from tests.unit.discord.calls import (
    BOT_TOKEN,
    BY_REPEAT,
    UNKNOWN_MESSAGE,
    WEBHOOK_TOKEN,
    delete_message,
    delivery,
    react,
    send_message,
    send_webhook,
)
from tests.unit.discord.clients import Counted, client_of, sent
from tests.unit.discord.open_limiter import DROPPED, OpenLimiter
from tests.unit.discord.raw_server import (
    VIA,
    Answer,
    RawServer,
    bytes_,
    closes,
    drips,
    hangs,
    resets,
    resets_unread,
    says,
    then_closes,
)

OK = says(200, {"id": "1"})
ALL = list(Repeat)
SAFE = [Repeat.SAME_EFFECT, Repeat.ALREADY_DONE]

# The action may have happened, whatever it was.
DOUBTS: dict[str, Answer] = {
    "closed": closes,
    "reset": resets,
    "reset unread": resets_unread,
    "silence": hangs,
    "dripping head": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0.2),
    "no HTTP": bytes_(b"what?\r\n\r\n"),
    "500": says(500, {"code": 0, "message": "500: Internal Server Error"}),
    "502 of HTML": says(502, b"<html>", headers=""),
    "503": says(503),
    "504": says(504),
    "524": says(524, headers=""),
}
PAGES: dict[str, Answer] = {
    "HTML": says(200, b"<html>"),
    "HTML cut short": then_closes(says(200, b"<html>", headers=f"{VIA}Content-Type: text/html\r\n", length=100)),
}
# The action may have happened where its answer is to be read.
UNREADABLE: dict[str, Answer] = {
    "cut short": then_closes(says(200, b'{"id":', length=100)),
    "no id": says(200, {}),
    "a number": says(200, {"id": 1}),
    "empty": says(200),
    "never ends": says(200, b'{"id":', length=100),
}


# Only what ends in a timeout is given little time.
SLOW = {"silence", "dripping head", "never ends"}


def patience(fault: str) -> dict[str, Any]:
    return {"attempt_timeout_seconds": 0.15 if fault in SLOW else 5.0}


# ── success ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_success_is_read_and_all_is_accounted_for() -> None:
    limiter, observer, one = OpenLimiter(), Counted(), delivery(Repeat.WITH_NONCE)
    async with RawServer.serving(OK) as server, client_of(server, limiter, observer=observer) as client:
        reply = await client.send(send_message(), one)
    assert reply.read(MessageBody).id == "1"
    assert (one.attempts, one.is_exposed, one.discord_status) == (1, True, 200)
    assert limiter.statuses == [200]
    assert limiter.lanes[0].route == "/channels/{channel_id}/messages"
    assert observer.replies == [("/channels/{channel_id}/messages", "2xx")]


async def test_a_webhook_never_sees_the_bots_token() -> None:
    async with RawServer.serving(OK) as server, client_of(server) as client:
        await client.send(send_webhook(), delivery(Repeat.NEVER))
        await client.send(send_message(), delivery(Repeat.WITH_NONCE))
    webhook, bot = server.received
    assert "Authorization" not in webhook.headers
    assert BOT_TOKEN not in str(webhook)
    assert webhook.target == f"/api/v10/webhooks/555/{WEBHOOK_TOKEN}?wait=true"
    assert bot.headers["Authorization"] == f"Bot {BOT_TOKEN}"


# ── every fault × what a repeat would do ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", DOUBTS)
@pytest.mark.parametrize("repeat", ALL)
async def test_after_a_doubt_only_what_is_safe_is_tried_again(repeat: Repeat, fault: str) -> None:
    limiter = OpenLimiter()
    async with RawServer.serving(DOUBTS[fault], OK) as server, client_of(server, limiter, **patience(fault)) as client:
        result = await sent(client, repeat)
    arrived = len(server.received) + (fault == "reset unread")
    if repeat is Repeat.NEVER:
        assert isinstance(result, OutcomeUnknown)
        assert arrived == 1
    else:
        assert isinstance(result, Reply)
        assert arrived == 2
    assert len(limiter.fates) == arrived
    assert DROPPED not in limiter.fates


@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize("repeat", ALL)
async def test_an_answer_that_cannot_be_read_is_a_doubt_only_where_it_is_needed(repeat: Repeat, fault: str) -> None:
    async with RawServer.serving(UNREADABLE[fault], OK) as server, client_of(server, **patience(fault)) as client:
        result = await sent(client, repeat)
    match repeat:
        case Repeat.WITH_NONCE:
            assert isinstance(result, Reply)
            assert len(server.received) == 2
            assert server.received[0].body == server.received[1].body
        case _:  # these read no answer
            assert isinstance(result, Reply)
            assert len(server.received) == 1


@pytest.mark.parametrize("repeat", ALL)
@pytest.mark.parametrize("page", PAGES)
async def test_a_page_is_a_doubt_to_every_action(repeat: Repeat, page: str) -> None:
    async with RawServer.serving(PAGES[page], OK) as server, client_of(server) as client:
        result = await sent(client, repeat)
    assert type(result) is (OutcomeUnknown if repeat is Repeat.NEVER else Reply)
    assert len(server.received) == (1 if repeat is Repeat.NEVER else 2)


async def test_what_must_not_happen_twice_is_in_doubt_where_its_answer_is_needed() -> None:
    call = Call("POST", "/channels/{channel_id}/webhooks", {"channel_id": "1"}, major="1", reads=WebhookBody)
    for fault, answer in UNREADABLE.items():
        async with RawServer.serving(answer, OK) as server, client_of(server, **patience(fault)) as client:
            assert isinstance(await sent(client, Repeat.NEVER, call), OutcomeUnknown)
        assert len(server.received) == 1


@pytest.mark.parametrize("fault", ["closed", "silence", "500"])
@pytest.mark.parametrize("repeat", ALL)
async def test_a_fault_that_stays_ends_unsettled(repeat: Repeat, fault: str) -> None:
    one = delivery(repeat)
    async with RawServer.serving(DOUBTS[fault]) as server, client_of(server, **patience(fault)) as client:
        with pytest.raises(ActionError) as raised:
            await client.send(BY_REPEAT[repeat](), one)
    assert len(server.received) == one.attempts == (1 if repeat is Repeat.NEVER else 4)
    assert one.is_exposed
    assert raised.value.outcome is OutcomeKind.UNKNOWN
    assert type(raised.value) is (DiscordUnavailable if repeat in SAFE else OutcomeUnknown)
    assert one.discord_status == (500 if fault == "500" else None)


@pytest.mark.parametrize("repeat", ALL)
async def test_a_refusal_is_final_and_nothing_happened(repeat: Repeat) -> None:
    one = delivery(repeat)
    async with (
        RawServer.serving(says(403, {"code": 50013, "message": "Missing Permissions"})) as server,
        client_of(server) as client,
    ):
        with pytest.raises(DiscordRejected) as raised:
            await client.send(BY_REPEAT[repeat](), one)
    assert raised.value.code is ErrorCode.DISCORD_MISSING_PERMISSIONS
    assert (len(server.received), one.attempts, one.is_exposed, one.discord_status) == (1, 1, False, 403)


# ── two spellings ────────────────────────────────────────────────────────────────────────────────────────────────────

UNKNOWN_EMOJI = says(400, {"code": 10014, "message": "Unknown Emoji"})
TWO_WAYS = replace(react("✔️"), respelling=Respelling(10014, {"emoji": "✔"}))


async def test_after_a_doubt_nothing_is_spelled_anew() -> None:
    async with RawServer.serving(DOUBTS["500"], UNKNOWN_EMOJI, OK) as server, client_of(server) as client:
        assert isinstance(await sent(client, Repeat.SAME_EFFECT, TWO_WAYS), DiscordUnavailable)
    assert len(server.received) == 2


async def test_the_other_spelling_has_retries_of_its_own_and_is_exposed_only_while_it_is_tried() -> None:
    one, observer = delivery(Repeat.SAME_EFFECT), Counted()
    answers = (UNKNOWN_EMOJI, says(500), says(204))
    async with RawServer.serving(*answers) as server, client_of(server, observer=observer) as client:
        assert (await client.send(TWO_WAYS, one)).status == 204
    assert [received.target.split("/")[-2] for received in server.received] == [
        "%E2%9C%94%EF%B8%8F",
        "%E2%9C%94",
        "%E2%9C%94",
    ]
    assert one.attempts == 3
    assert len(observer.retries) == 2


async def test_what_is_refused_in_both_did_not_happen() -> None:
    one = delivery(Repeat.SAME_EFFECT)
    async with RawServer.serving(UNKNOWN_EMOJI) as server, client_of(server) as client:
        with pytest.raises(DiscordRejected):
            await client.send(TWO_WAYS, one)
    assert (len(server.received), one.attempts, one.is_exposed) == (2, 2, False)


@pytest.mark.parametrize("repeat", ALL)
async def test_a_429_waits_in_the_limiter_and_then_goes(repeat: Repeat) -> None:
    limiter, observer = OpenLimiter(), Counted()
    headers = f"{VIA}Retry-After: 1\r\nX-RateLimit-Scope: shared\r\n"
    answer = says(429, {"message": "You are being rate limited.", "retry_after": 0.3, "global": False}, headers=headers)
    async with (
        RawServer.serving(answer, answer, OK) as server,
        client_of(server, limiter, max_retries=0, observer=observer) as client,
    ):
        assert isinstance(await sent(client, repeat), Reply)
    assert len(server.received) == 3
    assert limiter.statuses == [429, 429, 200]
    assert limiter.fates[0].retry_after_seconds == 1  # type: ignore[union-attr]
    assert observer.limits == ["shared", "shared"]


@pytest.mark.parametrize("repeat", ALL)
async def test_a_limiter_that_learns_nothing_cannot_make_a_flood(repeat: Repeat) -> None:
    one = delivery(repeat)
    async with RawServer.serving(says(429, {"retry_after": 2.5})) as server, client_of(server) as client:
        with pytest.raises(RateLimited) as raised:
            await client.send(BY_REPEAT[repeat](), one)
    assert len(server.received) == MOST_LIMITED_IN_A_ROW
    assert raised.value.retry_after_seconds == 2.5
    assert not one.is_exposed


@pytest.mark.parametrize("repeat", ALL)
async def test_without_a_connection_nothing_was_sent(repeat: Repeat) -> None:
    limiter, one = OpenLimiter(), delivery(repeat)
    async with RawServer.serving(OK) as server:
        pass
    async with client_of(server, limiter) as client:
        with pytest.raises(DiscordUnavailable) as raised:
            await client.send(BY_REPEAT[repeat](), one)
    assert raised.value.outcome is OutcomeKind.NOT_SENT
    assert raised.value.retry_after_seconds
    assert (one.attempts, one.is_exposed, one.discord_status) == (4, False, None)
    assert limiter.fates == [DROPPED] * 4


async def test_done_already_after_a_doubt_is_success() -> None:
    gone = says(404, {"code": UNKNOWN_MESSAGE, "message": "Unknown Message"})
    async with RawServer.serving(resets, gone) as server, client_of(server) as client:
        reply = await client.send(delete_message(), delivery(Repeat.ALREADY_DONE))
        with pytest.raises(DiscordRejected):
            await client.send(delete_message(), delivery(Repeat.ALREADY_DONE))
    assert reply == Reply(404, was_already_done=True)


async def test_a_refusal_after_a_doubt_leaves_the_action_exposed() -> None:
    one = delivery(Repeat.WITH_NONCE)
    async with (
        RawServer.serving(resets, says(403, {"code": 50013, "message": "no"})) as server,
        client_of(server) as client,
    ):
        with pytest.raises(OutcomeUnknown) as raised:
            await client.send(send_message(), one)
    assert one.is_exposed
    assert raised.value.discord is not None
    assert raised.value.discord.code == 50013


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("repeat", ALL)
@pytest.mark.parametrize("fault", [*DOUBTS, *UNREADABLE])
async def test_no_error_of_any_depth_names_a_secret(repeat: Repeat, fault: str) -> None:
    answer = DOUBTS.get(fault) or UNREADABLE[fault]
    async with (
        RawServer.serving(answer) as server,
        client_of(server, max_retries=0, **patience(fault)) as client,
    ):
        error: BaseException | None = None
        try:
            await client.send(BY_REPEAT[repeat](), delivery(repeat))
        except ActionError as exc:
            error = exc
    while error is not None:
        assert "must-not-leak" not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__

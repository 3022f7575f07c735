"""What keeps a request from leaving, and what is known of one that is given up."""

import asyncio
import logging

import pytest

from services.discord import DiscordClient
from services.discord.guards import OUTAGE_THRESHOLD
from services.errors import (
    ActionError,
    AuditUnavailable,
    BotTokenInvalid,
    DeadlineExceeded,
    DiscordRejected,
    DiscordSaid,
    DiscordUnavailable,
    ErrorCode,
    OutcomeKind,
    Overloaded,
    RateLimited,
)
from services.ports import Call, Repeat, Reply
from tests.fakes import ManualClock
from tests.unit.discord.calls import (
    ban,
    delivery,
    send_webhook,
)
from tests.unit.discord.clients import Counted, client_of, sent, until
from tests.unit.discord.open_limiter import DEPARTED, DROPPED, OpenLimiter
from tests.unit.discord.raw_server import (
    Exchange,
    RawServer,
    hangs,
    resets,
    says,
)

OK = says(200, {"id": "1"})

# ── what refuses before anything leaves ──────────────────────────────────────────────────────────────────────────────


async def test_a_deadline_that_passed_sends_nothing() -> None:
    limiter, one = OpenLimiter(), delivery(seconds=-1)
    async with RawServer.serving(OK) as server, client_of(server, limiter) as client:
        with pytest.raises(DeadlineExceeded):
            await client.send(ban(), one)
    assert (server.received, one.attempts, limiter.fates) == ([], 0, [])


@pytest.mark.parametrize("refusal", [RateLimited(retry_after_seconds=9), Overloaded(retry_after_seconds=1)])
async def test_a_limiter_that_refuses_ends_it(refusal: ActionError) -> None:
    limiter, observer, one = OpenLimiter(refusals=[refusal]), Counted(), delivery()
    async with RawServer.serving(OK) as server, client_of(server, limiter, observer=observer) as client:
        with pytest.raises(type(refusal)) as raised:
            await client.send(ban(), one)
    assert raised.value is refusal
    assert (server.received, one.attempts, one.is_exposed) == ([], 0, False)
    assert observer.limits == (["local"] if isinstance(refusal, RateLimited) else [])


async def test_a_limiter_that_refuses_after_a_doubt_leaves_it_unsettled() -> None:
    limiter, one = OpenLimiter(refusals=[None, RateLimited("full", retry_after_seconds=9)]), delivery()
    async with RawServer.serving(resets, OK) as server, client_of(server, limiter) as client:
        with pytest.raises(DiscordUnavailable) as raised:
            await client.send(ban(), one)
    assert raised.value.outcome is OutcomeKind.UNKNOWN
    assert raised.value.retry_after_seconds == 9
    assert one.is_exposed


async def test_what_cannot_be_recorded_is_not_sent() -> None:
    async def full() -> None:
        raise AuditUnavailable(retry_after_seconds=1)

    limiter, one = OpenLimiter(), delivery(before_attempt=full)
    async with RawServer.serving(OK) as server, client_of(server, limiter) as client:
        with pytest.raises(AuditUnavailable):
            await client.send(ban(), one)
    assert (server.received, one.attempts, one.is_exposed) == ([], 0, False)
    assert (limiter.steps, limiter.fates) == ([], [DROPPED])


async def test_a_record_that_fails_after_a_doubt_leaves_it_unsettled() -> None:
    attempts = 0

    async def full_later() -> None:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            raise AuditUnavailable(retry_after_seconds=1)

    one = delivery(before_attempt=full_later)
    async with RawServer.serving(resets, OK) as server, client_of(server) as client:
        with pytest.raises(DiscordUnavailable) as raised:
            await client.send(ban(), one)
    assert raised.value.outcome is OutcomeKind.UNKNOWN
    assert (len(server.received), one.attempts, one.is_exposed) == (1, 1, True)


async def test_the_attempt_is_recorded_before_anything_is_sent() -> None:
    limiter = OpenLimiter()
    async with RawServer.serving(OK) as server:

        async def nothing_came_yet() -> None:
            await asyncio.sleep(0.02)
            assert (server.received, server.connections, limiter.steps) == ([], 0, [])

        async with client_of(server, limiter) as client:
            await client.send(ban(), delivery(before_attempt=nothing_came_yet))
    assert len(server.received) == 1
    assert limiter.steps == [DEPARTED]


async def test_no_more_requests_are_in_flight_than_were_allowed() -> None:
    in_flight = most = 0

    async def slow(exchange: Exchange) -> None:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.01)
        in_flight -= 1
        await OK(exchange)

    async with RawServer.serving(slow) as server, client_of(server, max_concurrent_requests=3) as client:
        await asyncio.gather(*(client.send(ban(), delivery()) for _ in range(12)))
        assert client.describe()["places"] == {"free": 3, "waiting": 0}
    assert (most, server.connections) == (3, 3)


async def test_waiting_for_a_place_ends_at_the_deadline() -> None:
    limiter = OpenLimiter()
    one_place = {"max_concurrent_requests": 1, "max_retries": 0, "attempt_timeout_seconds": 20.0}
    async with RawServer.serving(hangs) as server, client_of(server, limiter, **one_place) as client:
        first = asyncio.create_task(client.send(ban(), delivery()))
        await until(lambda: server.received)
        late = delivery(seconds=0.3)
        with pytest.raises(DeadlineExceeded):
            await client.send(ban(), late)
        assert limiter.fates == [DROPPED]
        await cancelled(first)
    assert (late.attempts, late.is_exposed) == (0, False)


# ── cancelling ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def cancelled(task: "asyncio.Task[Reply]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_while_waiting_for_the_limit_nothing_was_sent() -> None:
    limiter, one = OpenLimiter(), delivery()
    limiter.is_open.clear()
    async with RawServer.serving(OK) as server, client_of(server, limiter) as client:
        task = asyncio.create_task(client.send(ban(), one))
        await until(lambda: limiter.waiting)
        await cancelled(task)
    assert (limiter.waiting, one.attempts, one.is_exposed, server.received) == (0, 0, False, [])


async def test_cancelled_while_being_recorded_nothing_was_sent() -> None:
    started = asyncio.Event()

    async def slow_record() -> None:
        started.set()
        await asyncio.sleep(10)

    limiter, one = OpenLimiter(), delivery(before_attempt=slow_record)
    async with RawServer.serving(OK) as server, client_of(server, limiter) as client:
        task = asyncio.create_task(client.send(ban(), one))
        await started.wait()
        await cancelled(task)
        assert client.describe()["places"] == {"free": 100, "waiting": 0}
    assert (limiter.fates, one.is_exposed, server.received) == ([DROPPED], False, [])


async def test_cancelled_on_its_way_the_action_stays_exposed() -> None:
    limiter, one = OpenLimiter(), delivery()
    async with RawServer.serving(hangs, OK) as server, client_of(server, limiter, max_concurrent_requests=1) as client:
        task = asyncio.create_task(client.send(ban(), one))
        await until(lambda: server.received)
        await cancelled(task)
        assert (one.attempts, one.is_exposed, limiter.fates) == (1, True, [None])
        await client.send(ban(), delivery())


async def test_cancelled_between_two_attempts_a_doubt_stays() -> None:
    limiter, one = OpenLimiter(), delivery(seconds=100)
    async with RawServer.serving(resets) as server, client_of(server, limiter, retry_delay_seconds=60) as client:
        task = asyncio.create_task(client.send(ban(), one))
        await until(lambda: limiter.fates)
        await cancelled(task)
    assert (one.attempts, one.is_exposed, len(server.received)) == (1, True, 1)


# ── guards ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def somebody(client: DiscordClient, number: int, now: float | None = None) -> Reply | ActionError:
    """One of many requests that have little in common."""
    return await sent(client, Repeat.NEVER, send_webhook(str(number)), now, f"caller-{number % 4}")


async def test_failures_in_a_row_open_the_circuit(caplog: pytest.LogCaptureFixture) -> None:
    async with RawServer.serving(says(502)) as server, client_of(server, max_retries=0) as client:
        with caplog.at_level(logging.ERROR):
            for number in range(OUTAGE_THRESHOLD):
                await somebody(client, number)
            error = await sent(client, Repeat.SAME_EFFECT)
    assert len(server.received) == OUTAGE_THRESHOLD
    assert isinstance(error, DiscordUnavailable)
    assert error.outcome is OutcomeKind.NOT_SENT
    assert error.retry_after_seconds is not None
    assert 4 < error.retry_after_seconds <= 5


@pytest.mark.parametrize(
    "calls",
    [
        [ban()] * 40,
        [ban(str(guild)) for guild in range(40)],
        [ban(), send_webhook()] * OUTAGE_THRESHOLD,
    ],
    ids=["the same request", "a payload for many guilds", "two requests, one of which goes well"],
)
async def test_one_caller_whose_requests_always_fail_shuts_nobody_out(calls: list[Call]) -> None:
    async def fails_for_bans(exchange: Exchange) -> None:
        is_ban = "/bans/" in server.received[-1].target
        await (says(500, {"code": 0}) if is_ban else OK)(exchange)

    async with RawServer.serving(fails_for_bans) as server, client_of(server) as client:
        for call in calls:
            await sent(client, Repeat.SAME_EFFECT, call, client_id="poisonous")
        assert isinstance(await sent(client, Repeat.WITH_NONCE), Reply)


async def test_a_broken_guild_is_no_outage_whoever_asks() -> None:
    async with RawServer.serving(says(500)) as server, client_of(server, max_retries=0) as client:
        for number in range(40):
            await sent(client, Repeat.SAME_EFFECT, ban(), client_id=f"caller-{number}")
        assert client.describe()["outage"]["state"] == "closed"


async def test_an_outage_is_seen_though_one_caller_uses_two_routes_alone() -> None:
    async with RawServer.serving(says(502)) as server, client_of(server, max_retries=0) as client:
        for number in range(OUTAGE_THRESHOLD):
            await sent(client, Repeat.NEVER, ban(str(number)) if number % 4 else send_webhook(str(number)))
        assert client.describe()["outage"]["state"] == "open"


async def test_an_actions_retries_count_once() -> None:
    async with RawServer.serving(says(502)) as server, client_of(server, max_retries=3) as client:
        for number in range(OUTAGE_THRESHOLD - 1):
            call = ban(str(number))
            await sent(client, Repeat.SAME_EFFECT, call, client_id=f"caller-{number}")
        assert client.describe()["outage"] == {
            "state": "closed",
            "failures": OUTAGE_THRESHOLD - 1,
            "retry_after_seconds": 0,
        }
    assert len(server.received) == 4 * (OUTAGE_THRESHOLD - 1)


async def test_failing_to_connect_counts_whoever_tries() -> None:
    async with RawServer.serving(OK) as server:
        pass
    async with client_of(server, max_retries=0) as client:
        for _ in range(OUTAGE_THRESHOLD):
            await sent(client, Repeat.SAME_EFFECT)
        assert client.describe()["outage"]["state"] == "open"


async def test_a_refused_token_stops_what_would_carry_it_and_nothing_else() -> None:
    refusal = says(401, {"message": "401: Unauthorized", "code": 0})
    async with RawServer.serving(refusal, OK) as server, client_of(server) as client:
        errors = [await sent(client, Repeat.WITH_NONCE) for _ in range(3)]
        assert isinstance(await sent(client, Repeat.NEVER), Reply)
    refusals = [error for error in errors if isinstance(error, BotTokenInvalid)]
    assert [error.outcome for error in refusals] == [OutcomeKind.REJECTED, *[OutcomeKind.NOT_SENT] * 2]
    assert [error.discord for error in refusals] == [DiscordSaid(401, 0), None, None]
    assert len(server.received) == 2


async def test_a_bad_webhook_does_not_stop_the_bot_and_is_asked_for_once() -> None:
    refusal = says(401, {"message": "Invalid Webhook Token", "code": 50027})
    async with RawServer.serving(refusal, OK) as server, client_of(server) as client:
        errors = [await sent(client, Repeat.NEVER) for _ in range(3)]
        assert isinstance(await sent(client, Repeat.WITH_NONCE), Reply)
        assert isinstance(await sent(client, Repeat.NEVER, send_webhook(token="another")), Reply)
        assert client.describe()["quarantined_webhooks"] == 1
    refusals = [error for error in errors if isinstance(error, ActionError)]
    assert [error.code for error in refusals] == [ErrorCode.DISCORD_UNKNOWN_WEBHOOK] * 3
    assert [error.outcome for error in refusals] == [OutcomeKind.REJECTED, *[OutcomeKind.NOT_SENT] * 2]
    assert [error.discord for error in refusals] == [DiscordSaid(401, 50027), None, None]
    assert len(server.received) == 3


async def test_a_missing_thread_does_not_condemn_its_webhook() -> None:
    refusal = says(404, {"message": "Unknown Channel", "code": 10003})
    async with RawServer.serving(refusal, OK) as server, client_of(server) as client:
        assert isinstance(await sent(client, Repeat.NEVER), DiscordRejected)
        assert isinstance(await sent(client, Repeat.NEVER), Reply)
    assert len(server.received) == 2


async def test_callers_in_a_hurry_do_not_open_the_circuit() -> None:
    async with RawServer.serving(OK) as server:
        pass
    async with client_of(server, max_retries=0, attempt_timeout_seconds=30) as client:
        for _ in range(OUTAGE_THRESHOLD + 5):
            with pytest.raises(DiscordUnavailable):
                await client.send(ban(), delivery(seconds=1))
        assert client.describe()["outage"] == {"state": "closed", "failures": 0, "retry_after_seconds": 0}


async def test_a_circuit_that_opens_during_a_wait_stops_who_waited() -> None:
    limiter, one, gate = OpenLimiter(), delivery(), asyncio.Event()
    failure = says(502)

    async def held(exchange: Exchange) -> None:
        await gate.wait()
        await failure(exchange)

    answers = [*[failure] * (OUTAGE_THRESHOLD - 1), held]
    async with RawServer.serving(*answers) as server, client_of(server, limiter, max_retries=0) as client:
        for number, _ in enumerate(answers[1:]):
            await somebody(client, number)
        last_failure = asyncio.create_task(somebody(client, OUTAGE_THRESHOLD))
        await until(lambda: len(server.received) == OUTAGE_THRESHOLD)
        limiter.is_open.clear()
        waiting = asyncio.create_task(client.send(ban(), one))
        await until(lambda: limiter.waiting)
        gate.set()
        await last_failure
        limiter.is_open.set()
        with pytest.raises(DiscordUnavailable):
            await waiting
    assert (len(server.received), one.attempts, limiter.fates[-1]) == (OUTAGE_THRESHOLD, 0, DROPPED)


async def test_after_the_cool_down_one_probe_finds_out() -> None:
    clock = ManualClock()
    answers = [*[says(502)] * OUTAGE_THRESHOLD, OK]
    async with RawServer.serving(*answers) as server, client_of(server, max_retries=0, clock=clock) as client:
        for number in range(OUTAGE_THRESHOLD + 3):
            await somebody(client, number, clock.monotonic())
        clock.advance(5)
        both = await asyncio.gather(*(sent(client, Repeat.NEVER, now=clock.monotonic()) for _ in range(2)))
        after = await sent(client, Repeat.NEVER, now=clock.monotonic())
    assert [type(result) for result in both] == [Reply, DiscordUnavailable]
    assert isinstance(after, Reply)
    assert len(server.received) == OUTAGE_THRESHOLD + 2

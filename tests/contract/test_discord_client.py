"""The client against the sandbox, which keeps state: what every action does, and that no fault does it twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from config import Secret
from sandbox import Options, Sandbox
from sandbox.seeds import WEBHOOK_TOKEN
from services.actions import CATALOGUE, Action, MessageSent, Stamp, WebhookCreated, nonce_of, parse
from services.discord import DiscordClient
from services.discord.rate_limit import InProcessRateLimiter
from services.errors import ActionError, BotTokenInvalid, DiscordUnavailable, ErrorCode, OutcomeKind
from services.ports import Delivery, Repeat, Reply
from tests.unit.discord.calls import SystemClock, delivery, settings
from tests.unit.discord.open_limiter import OpenLimiter

CHANNEL, BOTS_MESSAGE, GUILD, MEMBER = "123", "789", "1", "42"
WEBHOOK = f"https://discord.com/api/webhooks/555/{WEBHOOK_TOKEN}"
NAMED: dict[str, type[Action]] = {action.rpc(): action for action in CATALOGUE}

FIELDS: dict[str, dict[str, Any]] = {
    "SendMessage": {"channel_id": CHANNEL, "content": "hello 🌱"},
    "SendEmbed": {"channel_id": CHANNEL, "embed": {"title": "Sowing", "color": "#2f9e44", "footer_text": "spring"}},
    "AddReaction": {"channel_id": CHANNEL, "message_id": BOTS_MESSAGE, "emoji": "❤"},
    "ManageRole": {"guild_id": GUILD, "user_id": MEMBER, "role_id": "7"},
    "CreateWebhook": {"channel_id": CHANNEL, "name": "Gate"},
    "SendWebhook": {"webhook_url": WEBHOOK, "content": "hello"},
    "DeleteMessage": {"channel_id": CHANNEL, "message_id": BOTS_MESSAGE},
    "EditMessage": {"channel_id": CHANNEL, "message_id": BOTS_MESSAGE, "content": "better"},
    "KickUser": {"guild_id": GUILD, "user_id": MEMBER, "reason": "spam / 100%"},
    "BanUser": {"guild_id": GUILD, "user_id": MEMBER, "reason": "grüße", "delete_message_days": 7},
    "TimeoutUser": {"guild_id": GUILD, "user_id": MEMBER, "duration_seconds": 28 * 86_400},
}

# By what a caller sees of them. Those of the second group did their work before the answer was lost.
FAULTS: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "html": {"kind": "html"},
    "reset": {"kind": "reset"},
    "reset unread": {"kind": "reset", "before_reading": True},
    "hang": {"kind": "hang", "applied": False},
    "limited": {"kind": "rate_limited", "retry_after_seconds": 0.01},
    "lost, reset": {"kind": "lost_reply", "then": "reset"},
    "lost, hang": {"kind": "lost_reply", "then": "hang"},
    "lost, 502": {"kind": "lost_reply", "then": "502"},
    "lost, truncated": {"kind": "lost_reply", "then": "truncated"},
    "truncated": {"kind": "truncated"},
    "wrong type": {"kind": "wrong_type"},
    "drip": {"kind": "drip", "seconds": 60},
}


# The head of a success arrives, which is all that an action needs that reads nothing of it.
BREAKING_OFF = {"lost, truncated", "truncated", "drip"}


def patience(fault: str) -> float:
    """Only what ends in a timeout is given little time."""
    return 0.15 if fault in {"hang", "lost, hang", "drip"} else 5.0


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving(Options(limits_enabled=False)) as one:
        yield one


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """As new."""
    served.reset()
    return served


@asynccontextmanager
async def client_of(sandbox: Sandbox, **changed: Any) -> AsyncIterator[DiscordClient]:
    token = changed.pop("bot_token", sandbox.options.token)
    chosen = settings(sandbox.base_url, bot_token=Secret(token), **changed)
    async with DiscordClient(chosen, "1.0.0", OpenLimiter(), SystemClock()) as client:
        yield client


def delivery_of(action: Action) -> Delivery:
    one = delivery(action.repeat)
    one.already_done_codes = action.already_done_codes
    return one


async def perform(client: DiscordClient, name: str, **changed: Any) -> tuple[Action, Reply]:
    action = parse(NAMED[name], FIELDS[name] | changed)
    stamp = Stamp("an-action", "router", datetime.now(UTC), nonce_of("router", f"{name}{changed}"))
    return action, await client.send(action.call(stamp), delivery_of(action))


async def result_of(client: DiscordClient, name: str) -> Reply | ActionError:
    try:
        return (await perform(client, name))[1]
    except ActionError as error:
        return error


def effects(sandbox: Sandbox) -> int:
    """How often something was done: 2xx of our own asking, whether or not its answer arrived."""
    return sum(record.applied for record in sandbox.received())


@pytest.mark.parametrize("name", NAMED)
async def test_an_action_is_done_once_and_a_careful_client_would_send_it_so(sandbox: Sandbox, name: str) -> None:
    async with client_of(sandbox) as client:
        await perform(client, name)
    assert (len(sandbox.received()), effects(sandbox)) == (1, 1)
    assert sandbox.problems() == []
    assert sandbox.received()[0].authorization == ("none" if name == "SendWebhook" else "bot")


async def test_what_is_created_can_be_used(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        action, reply = await perform(client, "CreateWebhook")
        created = cast(WebhookCreated, action.outcome(reply))
        action, reply = await perform(client, "SendMessage")
        message = cast(MessageSent, action.outcome(reply))
        await perform(client, "SendWebhook", webhook_url=created.webhook_url)
        await perform(client, "EditMessage", message_id=message.message_id)
        await perform(client, "DeleteMessage", message_id=message.message_id)
    assert message.message_id not in sandbox.world.channels[CHANNEL].messages
    assert sandbox.problems() == []


async def test_a_reason_arrives_as_it_was_written(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        await perform(client, "KickUser")
        await perform(client, "BanUser")
    assert [entry.reason for entry in sandbox.world.audit_log][-2:] == ["spam / 100%", "grüße"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", NAMED)
async def test_one_fault_never_makes_it_happen_twice(sandbox: Sandbox, name: str, fault: str) -> None:
    repeat = NAMED[name].repeat
    sandbox.faults.add(**FAULTS[fault], count=1)
    async with client_of(sandbox, attempt_timeout_seconds=patience(fault)) as client:
        result = await result_of(client, name)
    is_settled = fault == "limited" or (name == "SendWebhook" and fault in BREAKING_OFF)
    if repeat is Repeat.NEVER and not is_settled:
        assert len(sandbox.received()) == 1
        assert isinstance(result, ActionError)
        assert result.outcome is OutcomeKind.UNKNOWN
    else:
        assert isinstance(result, Reply), f"{result!r}"
    if repeat in {Repeat.NEVER, Repeat.WITH_NONCE}:
        assert _posted(sandbox) <= 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["BanUser", "DeleteMessage", "SendMessage", "SendWebhook", "CreateWebhook"])
async def test_a_fault_that_stays_is_told_honestly(sandbox: Sandbox, name: str, fault: str) -> None:
    sandbox.faults.add(**FAULTS[fault])
    async with client_of(sandbox, attempt_timeout_seconds=patience(fault), max_retries=1) as client:
        result = await result_of(client, name)
    if isinstance(result, Reply):
        assert effects(sandbox) >= 1
        return
    if effects(sandbox):
        assert result.outcome is OutcomeKind.UNKNOWN
    if result.code.grpc_status == "UNAVAILABLE":
        assert NAMED[name].repeat.is_safe_for_callers or result.outcome is OutcomeKind.NOT_SENT
    if NAMED[name].repeat in {Repeat.NEVER, Repeat.WITH_NONCE}:
        assert _posted(sandbox) <= 1


def _posted(sandbox: Sandbox) -> int:
    """Messages and webhooks that were not there at the start."""
    seeded = Sandbox(sandbox.options, sandbox.clock).world
    messages = sum(len(channel.messages) for channel in sandbox.world.channels.values())
    seeds = sum(len(channel.messages) for channel in seeded.channels.values())
    return messages - seeds + len(sandbox.world.webhooks) - len(seeded.webhooks)


@pytest.mark.parametrize("name", NAMED)
async def test_a_token_that_is_refused_is_our_fault_or_the_webhooks(sandbox: Sandbox, name: str) -> None:
    async with client_of(sandbox, bot_token="another-token") as client:
        result = await result_of(client, name)
    assert isinstance(result, Reply if name == "SendWebhook" else BotTokenInvalid)


async def test_a_webhook_with_a_wrong_token_is_unknown(sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        for outcome in (OutcomeKind.REJECTED, OutcomeKind.NOT_SENT):
            with pytest.raises(ActionError) as raised:
                await perform(client, "SendWebhook", webhook_url=WEBHOOK[:-1] + "x")
            assert (raised.value.code, raised.value.outcome) == (ErrorCode.DISCORD_UNKNOWN_WEBHOOK, outcome)
    assert len(sandbox.received()) == 1


@pytest.mark.parametrize("is_html", [True, False])
async def test_a_block_of_cloudflares_is_told_as_not_sent(sandbox: Sandbox, is_html: bool) -> None:
    sandbox.faults.add("cloudflare_429", html="<html>blocked</html>" if is_html else None)
    async with client_of(sandbox) as client:
        with pytest.raises(DiscordUnavailable) as raised:
            await perform(client, "SendMessage")
    assert raised.value.outcome is OutcomeKind.NOT_SENT
    assert len(sandbox.received()) == 1


async def test_with_the_real_limiter_a_429_is_waited_out(sandbox: Sandbox) -> None:
    from config import LimitSettings

    limiter = InProcessRateLimiter(LimitSettings(), SystemClock())
    chosen = settings(sandbox.base_url, bot_token=Secret(sandbox.options.token), max_retries=0)
    sandbox.faults.add("rate_limited", retry_after_seconds=0.2, count=1)
    try:
        async with DiscordClient(chosen, "1.0.0", limiter, SystemClock()) as client:
            await perform(client, "SendMessage")
    finally:
        limiter.close()
    refused, delivered = sandbox.received()
    assert (refused.status, delivered.status) == (429, 200)
    assert delivered.received_monotonic - refused.received_monotonic >= 0.2

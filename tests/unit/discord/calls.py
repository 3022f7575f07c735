"""Calls and deliveries for tests."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from config import DiscordSettings, Secret
from services.ports import Call, Delivery, MessageBody, Priority, Repeat

BOT_TOKEN = "bot-token-that-must-not-leak"
WEBHOOK_TOKEN = "webhook-token-that-must-not-leak"
UNKNOWN_MESSAGE = 10008


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


def settings(api_base: str, **changed: Any) -> DiscordSettings:
    values = {
        "bot_token": Secret(BOT_TOKEN),
        "api_base": api_base,
        "attempt_timeout_seconds": 5.0,
        "retry_delay_seconds": 0.0,
    }
    return DiscordSettings.model_validate(values | changed)


def send_message() -> Call:
    return Call(
        "POST",
        "/channels/{channel_id}/messages",
        {"channel_id": "123"},
        major="123",
        body={"content": "hi", "nonce": "n", "enforce_nonce": True},
        reads=MessageBody,
    )


def delete_message() -> Call:
    return Call(
        "DELETE",
        "/channels/{channel_id}/messages/{message_id}",
        {"channel_id": "123", "message_id": "456"},
        major="123",
        reason="a tidy garden",
    )


def ban(guild_id: str = "1") -> Call:
    return Call(
        "PUT",
        "/guilds/{guild_id}/bans/{user_id}",
        {"guild_id": guild_id, "user_id": "42"},
        major=guild_id,
        body={"delete_message_seconds": 0},
    )


def react(emoji: str = "👍") -> Call:
    return Call(
        "PUT",
        "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me",
        {"channel_id": "123", "message_id": "456", "emoji": emoji},
        major="123",
    )


def send_webhook(webhook_id: str = "555", token: str = WEBHOOK_TOKEN) -> Call:
    return Call(
        "POST",
        "/webhooks/{webhook_id}/{webhook_token}",
        {"webhook_id": webhook_id, "webhook_token": token},
        major=webhook_id,
        body={"content": "hi"},
        query={"wait": "true"},
        is_webhook=True,
    )


BY_REPEAT: dict[Repeat, Callable[[], Call]] = {
    Repeat.SAME_EFFECT: ban,
    Repeat.ALREADY_DONE: delete_message,
    Repeat.WITH_NONCE: send_message,
    Repeat.NEVER: send_webhook,
}


async def recorded() -> None:
    return


def delivery(
    repeat: Repeat = Repeat.SAME_EFFECT,
    *,
    seconds: float = 10.0,
    now: float | None = None,
    before_attempt: Callable[[], Awaitable[None]] = recorded,
    priority: Priority = Priority.ORDINARY,
    client_id: str = "router",
) -> Delivery:
    start = time.monotonic() if now is None else now
    return Delivery(
        deadline=start + seconds,
        priority=priority,
        repeat=repeat,
        already_done_codes=frozenset({UNKNOWN_MESSAGE}) if repeat is Repeat.ALREADY_DONE else frozenset(),
        client_id=client_id,
        before_attempt=before_attempt,
    )

"""Where channels and webhooks are, asked of Discord once and remembered.

Only a token with a list of guilds makes a request for this (for a webhook one with a list of channels, too), and only
one. A channel or thread never changes its guild: what is known holds for an hour. What is unknown holds for half a
minute, so that nobody can have us ask for the same wrong id again and again. Whoever needs the same answer at the same
time waits for the same request. It goes through the client like an action: within Discord's limits, under the caller's
name, never more often than is safe.

A webhook can be moved to another channel of its guild; it is asked for every five minutes. It is asked with its own
token, so nothing is learned by an id alone, and its token is remembered as a digest.

What comes to nothing because of Discord (a limit, an outage) refuses the action with that code, not sent.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Final, NamedTuple

from services.actions import Action
from services.discord_service.waiting import done_within
from services.errors import (
    ActionError,
    DeadlineExceeded,
    DiscordUnavailable,
    ErrorCode,
    Failure,
    Internal,
    OutcomeKind,
    Overloaded,
    ShuttingDown,
)
from services.ports import Call, ChannelBody, Clock, Delivery, Discord, Place, Priority, Repeat, Reply, WebhookHomeBody
from services.telemetry import get_logger
from services.values import WebhookUrl

MOST_PLACES: Final = 20_000
MOST_REQUESTS: Final = 500
MOST_REQUESTS_OF_ONE: Final = 50
CHANNEL_SECONDS: Final = 3600.0
WEBHOOK_SECONDS: Final = 300.0
UNKNOWN_SECONDS: Final = 30.0
REQUEST_SECONDS: Final = 10.0
RETRY_AFTER_SECONDS: Final = 1.0

log = get_logger(__name__)

REFUSALS: Final = frozenset(code for code in ErrorCode if code.name.startswith("DISCORD_")) - {
    ErrorCode.DISCORD_UNAVAILABLE
}
"""Codes that say Discord tells us nothing of the place: it does not exist, or we may not see it."""


class LookUpFailed(ActionError):
    """Where the channel is could not be found out; the action was not sent."""

    def __init__(self, failure: Failure) -> None:
        self.code = failure.code
        self.is_retryable = failure.is_retryable
        super().__init__(failure.detail, retry_after_seconds=failure.retry_after_seconds)


class _Question(NamedTuple):
    """What to ask Discord; `key` is the same for the same place."""

    key: str
    call: Call
    read: Callable[[Reply], Place | None]
    holds_seconds: float


class _Known(NamedTuple):
    place: Place | None
    until: float


class Places:
    """Looks up where actions would take place. Its owner calls `close`."""

    def __init__(self, discord: Discord, clock: Clock, *, most_places: int = MOST_PLACES) -> None:
        self._discord = discord
        self._clock = clock
        self._most_places = most_places
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Place | Failure | None]] = {}
        self._asking_for = Counter[str]()

    def __len__(self) -> int:
        return len(self._known)

    async def of(self, action: Action, client_id: str, deadline: float) -> Place | None:
        """The place of an action's channel or webhook; None when Discord tells of none.

        Raises ActionError, always with outcome `not_sent`.
        """
        question = _question(action)
        known = self._known.get(question.key)
        if known is not None and self._clock.monotonic() < known.until:
            self._known.move_to_end(question.key)
            return known.place
        return await self._ask(question, client_id, deadline)

    async def close(self) -> None:
        """Stops asking."""
        asking = set(self._asking.values())
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking)

    async def _ask(self, question: _Question, client_id: str, deadline: float) -> Place | None:
        task = self._asking.get(question.key) or self._begin(question, client_id)
        if not await done_within(task, max(deadline - self._clock.monotonic(), 0)):
            raise DeadlineExceeded("The deadline passed while the channel's guild was looked up.")
        if task.cancelled():
            raise ShuttingDown(retry_after_seconds=RETRY_AFTER_SECONDS)
        found = task.result()
        if isinstance(found, Failure):
            raise LookUpFailed(found)
        return found

    def _begin(self, question: _Question, client_id: str) -> "asyncio.Task[Place | Failure | None]":
        if len(self._asking) >= MOST_REQUESTS or self._asking_for[client_id] >= MOST_REQUESTS_OF_ONE:
            raise Overloaded("Too many channels are looked up.", retry_after_seconds=RETRY_AFTER_SECONDS)
        task = asyncio.create_task(self._find(question, client_id), name="place")
        self._asking[question.key] = task
        self._asking_for[client_id] += 1
        task.add_done_callback(partial(self._forget, question.key, client_id))
        return task

    def _forget(self, key: str, client_id: str, _: object) -> None:
        del self._asking[key]
        self._asking_for[client_id] -= 1
        if not self._asking_for[client_id]:
            del self._asking_for[client_id]

    async def _find(self, question: _Question, client_id: str) -> Place | Failure | None:
        """Asks, and remembers the answer. A failure is not remembered."""
        try:
            place = question.read(await self._discord.send(question.call, self._delivery(client_id)))
        except ActionError as exc:
            if exc.code not in REFUSALS:
                return _failure(exc)
            place = None
        except Exception:
            log.exception("a place could not be looked up", route=question.call.route)
            return Internal().failure
        self._remember(question, place)
        return place

    def _delivery(self, client_id: str) -> Delivery:
        return Delivery(
            deadline=self._clock.monotonic() + REQUEST_SECONDS,
            priority=Priority.ORDINARY,
            repeat=Repeat.SAME_EFFECT,
            already_done_codes=frozenset(),
            client_id=client_id,
            before_attempt=_nothing,
        )

    def _remember(self, question: _Question, place: Place | None) -> None:
        holds_seconds = UNKNOWN_SECONDS if place is None else question.holds_seconds
        self._known[question.key] = _Known(place, self._clock.monotonic() + holds_seconds)
        self._known.move_to_end(question.key)
        if len(self._known) > self._most_places:
            self._known.popitem(last=False)


def _question(action: Action) -> _Question:
    if action.webhook is not None:
        return _of_webhook(action.webhook)
    channel = action.channel or ""
    call = Call("GET", "/channels/{channel_id}", {"channel_id": channel}, major=channel, reads=ChannelBody)
    return _Question(f"channel:{channel}", call, lambda reply: reply.read(ChannelBody).place, CHANNEL_SECONDS)


def _of_webhook(url: WebhookUrl) -> _Question:
    call = Call(
        "GET",
        "/webhooks/{webhook_id}/{webhook_token}",
        {"webhook_id": url.webhook_id, "webhook_token": url.token},
        major=url.webhook_id,
        is_webhook=True,
        reads=WebhookHomeBody,
    )
    token = blake2b(url.token.encode(), digest_size=16).hexdigest()
    key = f"webhook:{url.webhook_id}:{token}"
    return _Question(key, call, lambda reply: reply.read(WebhookHomeBody).place, WEBHOOK_SECONDS)


def _failure(error: ActionError) -> Failure:
    """What an unclear end of a look-up means: nothing was done, and it can be tried again."""
    if error.code is ErrorCode.OUTCOME_UNKNOWN or error.outcome is OutcomeKind.UNKNOWN:
        return DiscordUnavailable(
            "Where the channel is could not be looked up.", retry_after_seconds=RETRY_AFTER_SECONDS
        ).failure
    return error.failure


async def _nothing() -> None:
    return

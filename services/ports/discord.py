"""The way to Discord.

A `Call` is a request before it is bytes, a `Reply` is the answer after it was read, a `Delivery` is one action on its
way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, Field

from services.values import Snowflake

Json = Mapping[str, Any]

NONCE_SECONDS: Final = 120.0
"""Discord remembers a nonce for "a few minutes", counted from the first attempt; this is fewer:
https://discord.com/developers/docs/resources/message#create-message."""


class Priority(IntEnum):
    """Who goes first where actions wait for a limit; smaller goes first."""

    MODERATION = 0
    ORDINARY = 1
    BULK = 2

    def room_in(self, bound: int) -> int:
        """How many may wait where `bound` may: moderation finds as much room again, which nothing else can fill."""
        return 2 * bound if self is Priority.MODERATION else bound


class Repeat(StrEnum):
    """What a second attempt of an action would do: its idempotency class."""

    SAME_EFFECT = "same_effect"
    """The same effect and the same success again."""
    ALREADY_DONE = "already_done"
    """No effect, and an error of Discord's that means it is done already."""
    WITH_NONCE = "with_nonce"
    """Nothing while Discord remembers the nonce: it answers with the message of the first attempt."""
    NEVER = "never"
    """The effect a second time. After an attempt that may have worked there must be no other."""

    @property
    def is_safe_for_callers(self) -> bool:
        """Whether a caller may send the action again, as a new request, after an unclear end.

        Not with a nonce: a new request has a new one.
        """
        return self in {Repeat.SAME_EFFECT, Repeat.ALREADY_DONE}


class ReplyBody(BaseModel):
    """The part of a reply's JSON an action reads. Anything else in it is ignored."""


class MessageBody(ReplyBody):
    """A message: https://discord.com/developers/docs/resources/message#message-object."""

    id: Snowflake


class WebhookBody(ReplyBody):
    """A webhook: https://discord.com/developers/docs/resources/webhook#webhook-object."""

    id: Snowflake
    token: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,255}$", repr=False)


@dataclass(frozen=True, slots=True)
class Respelling:
    """Another way to write parts of a call, to be tried once where Discord answers `code` to the first."""

    code: int
    parts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A request to Discord, before it is bytes.

    `route` is the path template that limits and metrics are keyed by; its parts are filled, percent-encoded, from
    `parts`. `major` is the id Discord counts by (channel, guild or webhook); `variant` separates what Discord counts
    apart on one route. Calls with the same `entity` go one after the other. A call with `is_webhook` is sent without
    the bot's Authorization.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    route: str
    parts: Mapping[str, str] = field(repr=False)
    major: str
    body: Json | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    variant: str = ""
    entity: str | None = None
    is_webhook: bool = False
    reads: type[ReplyBody] | None = None
    respelling: Respelling | None = None

    def respelled(self, code: int | None) -> "Call | None":
        """The call to try instead after Discord's error `code`; None where there is none."""
        other = self.respelling
        if other is None or other.code != code:
            return None
        return replace(self, parts={**self.parts, **other.parts}, respelling=None)


@dataclass(frozen=True, slots=True)
class Reply:
    """Discord's answer: its status and, where the call reads one, its body.

    `was_already_done` says that Discord answered "done already" after an attempt that may have worked.
    """

    status: int
    body: ReplyBody | None = None
    was_already_done: bool = False

    def read[B: ReplyBody](self, shape: type[B]) -> B:
        """The body as `shape`. Raises TypeError when the call did not ask for that shape."""
        if not isinstance(self.body, shape):
            raise TypeError(f"the reply holds no {shape.__name__}")
        return self.body


@dataclass(slots=True)
class Delivery:
    """One action on its way to Discord: its bounds, and what was tried so far.

    `before_attempt` is awaited just before the bytes of each attempt leave and may refuse by raising. `is_exposed` is
    true from then until that attempt is known not to have worked: what is exposed may have happened. The seconds say
    where its time went so far: in line (limits, places, backoff), and at Discord until its replies.
    """

    deadline: float
    priority: Priority
    repeat: Repeat
    already_done_codes: frozenset[int]
    client_id: str
    before_attempt: Callable[[], Awaitable[None]]
    attempts: int = 0
    is_exposed: bool = False
    discord_status: int | None = None
    waiting_seconds: float = 0.0
    discord_seconds: float = 0.0

    async def attempt(self) -> None:
        """Marks that bytes are about to leave. Raises AuditUnavailable when that cannot be put on the record."""
        await self.before_attempt()
        self.attempts += 1
        self.is_exposed = True


class Discord(Protocol):
    """The way to Discord, within its limits and with safe retries."""

    async def send(self, call: Call, delivery: Delivery) -> Reply:
        """Sends `call` until it is answered, refused or out of time.

        Raises RateLimited, Overloaded, DeadlineExceeded, DiscordUnavailable, DiscordRejected, BotTokenInvalid,
        OutcomeUnknown, AuditUnavailable.
        """
        ...

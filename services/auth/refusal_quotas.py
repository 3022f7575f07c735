"""How often Discord may refuse what one caller asks for.

Discord counts refusals (401, 403) by the address they come to, whichever of our callers asked, and bans an address
that had 10 000 in ten minutes:
https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans. The limiter keeps that
budget for all callers together and stops everybody before it is used up. So that nobody can stop the others, a caller
that had MOST_PER_MINUTE refusals in a minute waits for the next minute: that is at most a third of the budget, and two
such callers leave enough for everything else.

It counts whatever is asked in the caller's name: its actions, look-ups of their channels, results that are asked for
again. A refusal of the bot's own token and one of Cloudflare's are no caller's fault and do not count.
"""

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Final, Self

from services.auth.windows import Windows
from services.errors import ActionError, BotTokenInvalid, DiscordUnavailable, RateLimited
from services.ports import Call, Clock, Delivery, Discord, Reply
from services.telemetry import get_logger

MOST_PER_MINUTE: Final = 300
MOST_WAITING: Final = 10_000
COUNTED: Final = frozenset({401, 403})
NOBODYS_FAULT: Final = (BotTokenInvalid, DiscordUnavailable)

log = get_logger(__name__)


class RefusalQuotas:
    """Stands before the way to Discord, for the length of an `async with`. Fulfils `services.ports.Discord`."""

    def __init__(
        self, discord: Discord, windows: Windows, clock: Clock, *, most_per_minute: int = MOST_PER_MINUTE
    ) -> None:
        self._discord = discord
        self._windows = windows
        self._clock = clock
        self._most_per_minute = most_per_minute
        self._waits_until: OrderedDict[str, float] = OrderedDict()
        self._counting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._counting:
            task.cancel()
        if self._counting:
            await asyncio.wait(self._counting)

    async def send(self, call: Call, delivery: Delivery) -> Reply:
        """Raises RateLimited for a caller that has to wait; else what the way to Discord raises."""
        self._check(delivery.client_id)
        try:
            return await self._discord.send(call, delivery)
        except ActionError as exc:
            if _is_counted(exc):
                self._begin_to_count(delivery.client_id)
            raise

    def _check(self, client_id: str) -> None:
        until = self._waits_until.get(client_id)
        if until is None:
            return
        wait_seconds = until - self._clock.monotonic()
        if wait_seconds > 0:
            detail = f"Discord refused more than {self._most_per_minute} of your requests within a minute."
            raise RateLimited(detail, retry_after_seconds=wait_seconds)
        del self._waits_until[client_id]

    def _begin_to_count(self, client_id: str) -> None:
        """Beside the action, whose end must not wait for Redis."""
        task = asyncio.Task(self._count(client_id), loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self._counting.add(task)
            task.add_done_callback(self._counting.discard)

    async def _count(self, client_id: str) -> None:
        wait_seconds = await self._windows.take(f"refused:{client_id}", self._most_per_minute)
        if not wait_seconds:
            return
        if client_id not in self._waits_until:
            log.warning(
                "discord refuses too much of what a caller asks for: it has to wait",
                caller=client_id,
                seconds=round(wait_seconds, 3),
            )
        self._waits_until[client_id] = self._clock.monotonic() + wait_seconds
        if len(self._waits_until) > MOST_WAITING:
            self._waits_until.popitem(last=False)


def _is_counted(error: ActionError) -> bool:
    is_refusal = error.discord is not None and error.discord.status in COUNTED
    return is_refusal and not isinstance(error, NOBODYS_FAULT)

"""Webhooks that are gone: refused here for a while instead of asked for again.

Discord restricts who keeps calling a webhook it has answered 404 for, and every 401 counts toward the ban of our
address: https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans. A webhook
is named by its id and its token together: a caller with a wrong token must not shut out those with the right one.
Tokens are kept as digests only. What is refused here never left, so nothing is claimed that Discord said of it.
"""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from services.errors import ActionError, ErrorCode
from services.ports import Call, Clock

QUARANTINE_SECONDS: Final = 600.0
MOST_WEBHOOKS: Final = 10_000
MOST_NEWS: Final = 1_000


class WebhookQuarantined(ActionError):
    """The webhook was gone a short while ago; nothing was sent to it."""

    code = ErrorCode.DISCORD_UNKNOWN_WEBHOOK


class Quarantine:
    """The webhooks Discord said are gone, each for ten minutes, the oldest forgotten first when there are too many."""

    def __init__(self, clock: Clock, *, most: int = MOST_WEBHOOKS) -> None:
        self._clock = clock
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._news: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def check(self, call: Call) -> None:
        """Raises WebhookQuarantined."""
        if not self._until or not call.is_webhook:
            return
        name = _name(call)
        until = self._until.get(name)
        if until is None:
            return
        if until <= self._clock.monotonic():
            del self._until[name]
            return
        raise WebhookQuarantined(
            "Discord said a short while ago that this webhook does not exist or its token is wrong; nothing was sent."
        )

    def add(self, call: Call) -> None:
        """Puts the call's webhook in quarantine."""
        name = _name(call)
        self._hold(name, QUARANTINE_SECONDS)
        if len(self._news) < MOST_NEWS:
            self._news[name] = self._clock.monotonic() + QUARANTINE_SECONDS

    def take_news(self) -> dict[str, int]:
        """What was added since the last time, for other replicas: names and milliseconds from now."""
        news, self._news = self._news, {}
        now = self._clock.monotonic()
        return {name.hex(): int((until - now) * 1000) for name, until in news.items() if until > now}

    def adopt(self, name: str, seconds: float) -> None:
        """Another replica put a webhook in quarantine."""
        self._hold(bytes.fromhex(name), seconds)

    def _hold(self, name: bytes, seconds: float) -> None:
        self._until[name] = self._clock.monotonic() + seconds
        self._until.move_to_end(name)
        if len(self._until) > self._most:
            self._until.popitem(last=False)


def _name(call: Call) -> bytes:
    parts = "/".join(call.parts[name] for name in sorted(call.parts))
    return blake2b(parts.encode(), digest_size=16).digest()

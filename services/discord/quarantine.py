"""Webhooks that are gone: refused here for a while instead of asked for again.

Discord restricts who keeps calling a webhook it has answered 404 for, and every 401 counts toward the ban of our
address: https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans. A webhook
is named by its id and its token together: a caller with a wrong token must not shut out those with the right one.
Tokens are kept as digests only.
"""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from services.discord.error_codes import UNKNOWN_WEBHOOK
from services.errors import DiscordRejected, DiscordSaid, ErrorCode
from services.ports import Call, Clock

QUARANTINE_SECONDS: Final = 600.0
MOST_WEBHOOKS: Final = 10_000


class Quarantine:
    """The webhooks Discord said are gone, each for ten minutes, the oldest forgotten first when there are too many."""

    def __init__(self, clock: Clock, *, most: int = MOST_WEBHOOKS) -> None:
        self._clock = clock
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def check(self, call: Call) -> None:
        """Raises DiscordRejected (discord_unknown_webhook) for a webhook in quarantine."""
        if not self._until or not call.is_webhook:
            return
        name = _name(call)
        until = self._until.get(name)
        if until is None:
            return
        if until <= self._clock.monotonic():
            del self._until[name]
            return
        raise DiscordRejected(
            ErrorCode.DISCORD_UNKNOWN_WEBHOOK,
            "Discord said a short while ago that this webhook does not exist or its token is wrong.",
            discord=DiscordSaid(404, UNKNOWN_WEBHOOK),
        )

    def add(self, call: Call) -> None:
        """Puts the call's webhook in quarantine."""
        name = _name(call)
        self._until[name] = self._clock.monotonic() + QUARANTINE_SECONDS
        self._until.move_to_end(name)
        if len(self._until) > self._most:
            self._until.popitem(last=False)


def _name(call: Call) -> bytes:
    parts = "/".join(call.parts[name] for name in sorted(call.parts))
    return blake2b(parts.encode(), digest_size=16).digest()

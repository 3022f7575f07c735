"""The limits the sandbox starts with: numbers observed of Discord, which publishes none.

They are a plausible world to practise in, not a promise of Discord's. Sources: discord-api-docs issues 182,
367, 1454, 2761, 7680, 8330. Routes nobody measured get a round guess. POST and PATCH of messages show one
hash and count separately (discord-api-docs issue 8073), so a hash is not the identity of a bucket.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from sandbox.limits.windows import FixedWindow, SlidingWindow, Window
from sandbox.options import SettingError


class WindowKind(StrEnum):
    """How a used request comes back: one by one, or all at once."""

    SLIDING = "sliding"
    FIXED = "fixed"


class Scope(StrEnum):
    """The X-RateLimit-Scope of a 429."""

    USER = "user"
    GLOBAL = "global"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit` requests per `period_seconds`. `hash_of` names what the bucket hash is made from."""

    name: str
    limit: int
    period_seconds: float
    kind: WindowKind = WindowKind.SLIDING
    hash_of: str = ""
    scope: Scope = Scope.USER

    @property
    def bucket_hash(self) -> str:
        return hashlib.sha256((self.hash_of or self.name).encode()).hexdigest()[:32]

    def window(self, factor: float) -> Window:
        limit = max(1, round(self.limit * factor))
        made = SlidingWindow if self.kind is WindowKind.SLIDING else FixedWindow
        return made(limit, self.period_seconds)

    def changed(self, changes: dict[str, Any]) -> Self:
        """The rule with another limit, period or kind. Raises SettingError for anything else."""
        unknown = changes.keys() - {"limit", "period_seconds", "kind"}
        if unknown:
            raise SettingError.unknown(unknown)
        made = replace(self, **changes | {"kind": WindowKind(changes.get("kind", self.kind))})
        if made.limit < 1 or made.period_seconds <= 0:
            raise SettingError.unfit(self.name, "a positive limit and period_seconds")
        return made


MESSAGES_HASH = "channel messages"

STARTING_RULES: tuple[Rule, ...] = (
    Rule("messages.create", 5, 5.0, hash_of=MESSAGES_HASH),
    Rule("messages.edit", 5, 5.0, hash_of=MESSAGES_HASH),
    Rule("messages.get", 5, 5.0),
    Rule("messages.page", 5, 5.0),
    Rule("messages.delete.young", 5, 1.0),
    Rule("messages.delete", 3, 0.333),
    Rule("messages.delete.old", 30, 4.0),
    Rule("reactions", 1, 0.25),
    Rule("members.get", 5, 1.0),
    Rule("members.modify", 10, 10.0),
    Rule("members.kick", 5, 1.0),
    Rule("members.role", 10, 10.0, WindowKind.FIXED),
    Rule("bans.get", 5, 1.0),
    Rule("bans.put", 5, 1.0),
    Rule("bans.delete", 5, 1.0),
    Rule("guilds.get", 5, 5.0),
    Rule("guilds.channels", 5, 5.0),
    Rule("guilds.roles", 5, 5.0),
    Rule("channels.get", 5, 5.0),
    Rule("webhooks.create", 5, 5.0),
    Rule("webhooks.channel", 5, 5.0),
    Rule("webhooks.get", 5, 5.0),
    Rule("webhooks.delete", 5, 5.0),
    Rule("webhooks.execute", 5, 2.0),
    Rule("webhooks.in_channel", 30, 60.0, WindowKind.FIXED, scope=Scope.SHARED),
    Rule("gateway", 2, 5.0),
)

"""What one exchange with Redis carries, there and back."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.global_limit import MARGIN_SECONDS, SECOND
from services.discord.rate_limit.invalid import SLICE_SECONDS
from services.discord.rate_limit.permit import BucketPermit
from services.discord.rate_limit.queue import Waiter
from services.discord.rate_limit.shared.lane import RemoteLane

COOLING_MILLISECONDS: Final = (SECOND + MARGIN_SECONDS) * 1000
LEASE_MILLISECONDS: Final = 10_000
"""How long a place is held for a replica that says nothing more. It is renewed while the replica lives."""
ABSENT_MILLISECONDS: Final = 5_000
KEPT_MILLISECONDS: Final = 1_800_000
"""How long anything is kept that nobody touches; longer where its window is longer."""
AGAIN_MILLISECONDS: Final = 20
MOST_ASKS: Final = 128
"""How many requests one exchange asks for."""


class Ask(NamedTuple):
    """A waiter for whom there is room by all that is known here."""

    waiter: Waiter
    permit: BucketPermit
    others: int
    """How many requests of the bucket were in flight by our count, this one not among them."""
    completions: int
    """How many of its bucket had been answered: what was decided before the next answer has to be decided again."""


@dataclass(slots=True)
class Settled:
    """A lane whose new version was sent, and how many of its landings that contains."""

    bucket: Bucket
    version: str
    landings: int


@dataclass(slots=True)
class Parcel:
    """One exchange, and who waits for it (`asks`). `key` makes names of keys; the content refers to them by number."""

    key: Callable[..., str]
    egress: str
    content: dict[str, Any]
    asks: deque[Ask] = field(default_factory=deque)
    settled: list[Settled] = field(default_factory=list)
    looks: list[Bucket] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = ("epoch",), ("members",), ("pauses",), ("places",), ("invalid", self.egress), ("quarantine",)
        self.keys = [self.key("limits", *parts) for parts in named]
        egress, webhooks = f"egress/{self.egress}", f"webhooks/{self.egress}"
        self.content = {
            "landed": [],
            "settled": [],
            "asks": [],
            "looks": [],
            "invalid": 0,
            "pauses": {},
            "watched": ["token", egress, webhooks],
            "aloft": [],
            "quarantined": {},
            "lease": LEASE_MILLISECONDS,
            "cooling": COOLING_MILLISECONDS,
            "again": AGAIN_MILLISECONDS,
            "most": MOST_ASKS,
            "kept": KEPT_MILLISECONDS,
            "absent": ABSENT_MILLISECONDS,
            "slice": int(SLICE_SECONDS * 1000),
            "quarantine_seen": 0,
            **self.content,
        }

    def text(self) -> str:
        return orjson.dumps(self.content).decode()

    def add_landing(self, flight: str, bucket: Bucket, milliseconds: float, *, is_gone: bool) -> None:
        """The places of a request come free after so long; `is_gone`: it was never sent, the lane forgets it."""
        at = [] if bucket.gate.limit is None else [4]
        if bucket.channel is not None:
            at.append(self._ceiling(bucket))
        landed: dict[str, Any] = {"f": flight, "at": at, "ms": milliseconds}
        if is_gone and bucket.remote is not None:
            landed["gone"] = self._lane(bucket.remote) + 1
        self.content["landed"].append(landed)

    def add_place(self, flight: str, milliseconds: float) -> None:
        """A place of the token that is held for so long; 0: no longer."""
        self.content["landed"].append({"f": flight, "at": [4], "ms": milliseconds})

    def add_settled(self, bucket: Bucket, remote: RemoteLane, version: str, row: list[Any], kept: float) -> None:
        """What is known of a lane now, as the version that follows the one in Redis."""
        self.settled.append(Settled(bucket, version, len(remote.pending)))
        self.content["settled"].append(
            {
                "at": self._lane(remote),
                "v": remote.version,
                "new": version,
                "s": orjson.dumps(row).decode(),
                "kept": max(KEPT_MILLISECONDS, kept),
                "f": [landing.flight for landing in remote.pending],
            }
        )

    def add_ask(self, ask: Ask, remote: RemoteLane, version: str, pauses: Sequence[str]) -> None:
        bucket = ask.permit.bucket
        asked: dict[str, Any] = {
            "at": self._lane(remote),
            "v": version,
            "n": ask.others,
            "f": ask.permit.flight,
            "paused": pauses,
            "global": bucket.gate.limit is not None,
        }
        if bucket.channel is not None:
            asked |= {"ceiling": self._ceiling(bucket), "most": bucket.channel.limit}
        self.asks.append(ask)
        self.content["asks"].append(asked)

    def add_look(self, bucket: Bucket, remote: RemoteLane, version: str) -> None:
        self.looks.append(bucket)
        self.content["looks"].append({"at": self._lane(remote), "v": version, "n": bucket.in_flight})

    def _lane(self, remote: RemoteLane) -> int:
        number = self._number(self.key("limits", "lane", remote.key))
        self._number(self.key("limits", "flights", remote.key))
        return number

    def _ceiling(self, bucket: Bucket) -> int:
        return self._number(self.key("limits", "channel", bucket.key[3]))

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            self.keys.append(name)
            number = self._numbers[name] = len(self.keys)
        return number

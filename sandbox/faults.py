"""Things that go wrong on purpose.

A fault says which requests it hits (method, route template, path prefix, how many after how many, how likely)
and how it strikes. The difference that matters is whether the request was applied: a `status` 502 in front of
Discord changed nothing, a `lost_reply` did its work and only the answer is gone.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from itertools import count
from typing import Any, Self

from sandbox.limits.rules import Scope
from sandbox.options import SettingError

MAX_FAULTS = 1_000
MAX_HANG_SECONDS = 3_600.0


class FaultKind(StrEnum):
    """How a fault strikes; the second group lets the request be applied first."""

    STATUS = "status"
    RESET = "reset"
    HANG = "hang"
    HTML = "html"
    CLOUDFLARE_429 = "cloudflare_429"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"

    LOST_REPLY = "lost_reply"
    DRIP = "drip"
    TRUNCATED = "truncated"
    WRONG_TYPE = "wrong_type"
    LATENCY = "latency"


class LostReply(StrEnum):
    """What the caller sees instead of a lost reply."""

    RESET = "reset"
    HANG = "hang"
    BAD_GATEWAY = "502"
    TRUNCATED = "truncated"


APPLYING = frozenset(
    {FaultKind.LOST_REPLY, FaultKind.DRIP, FaultKind.TRUNCATED, FaultKind.WRONG_TYPE, FaultKind.LATENCY}
)


ENUMS: dict[str, Callable[[Any], Any]] = {"kind": FaultKind, "then": LostReply, "scope": Scope}


@dataclass(slots=True)
class Fault:
    """One switch.

    Which requests: `method`, `template` (as in `/channels/{channel_id}/messages`) and `path_prefix` (of the
    part after `/api/v10`) must match where given; the first `skip` of them pass; then `count` are hit (None:
    all); each with `probability`.

    How: `status`, `body`, `headers` for `status`; `html`, `status` for `html`; `body` for `wrong_type`;
    `seconds` for `latency` (plus up to `jitter_seconds`), `drip` (whole answer) and `hang` (None: until
    released); `before_reading` for `reset`; `then` for `lost_reply`; `scope`, `retry_after_seconds` for
    `rate_limited`; `html` for `cloudflare_429`. `applied` overrides whether the request takes effect first.
    """

    kind: FaultKind
    method: str | None = None
    template: str | None = None
    path_prefix: str | None = None
    skip: int = 0
    count: int | None = None
    probability: float = 1.0
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    html: str | None = None
    seconds: float | None = None
    jitter_seconds: float = 0.0
    before_reading: bool = False
    then: LostReply = LostReply.RESET
    scope: Scope = Scope.USER
    retry_after_seconds: float = 1.0
    applied: bool | None = None
    id: int = 0
    seen: int = 0
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """Raises SettingError for an unknown kind or field."""
        settable = {each.name for each in fields(cls)} - {"id", "seen", "hits", "released"}
        unknown = body.keys() - settable
        if unknown or "kind" not in body:
            raise SettingError.unknown(unknown or {"kind"})
        return cls(**{name: ENUMS[name](value) if name in ENUMS else value for name, value in body.items()})

    def as_json(self) -> dict[str, Any]:
        shape = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "released"}
        return shape | {"applied": self.applies}

    @property
    def applies(self) -> bool:
        """The request takes effect before the fault strikes."""
        return self.kind in APPLYING if self.applied is None else self.applied

    @property
    def is_spent(self) -> bool:
        return self.count is not None and self.hits >= self.count

    def matches(self, method: str, template: str | None, path: str) -> bool:
        return (
            self.method in (None, method)
            and self.template in (None, template)
            and (self.path_prefix is None or path.startswith(self.path_prefix))
        )

    def strikes(self) -> bool:
        """Counts one matching request and decides whether it is hit."""
        self.seen += 1
        if self.is_spent or self.seen <= self.skip:
            return False
        if self.probability < 1 and random.random() >= self.probability:  # noqa: S311 - chance, not secrecy
            return False
        self.hits += 1
        return True

    async def held(self) -> None:
        """Waits until the fault is released, or its seconds are over."""
        try:
            async with asyncio.timeout(MAX_HANG_SECONDS if self.seconds is None else self.seconds):
                await self.released.wait()
        except TimeoutError:
            return

    def delay(self) -> float:
        """Seconds of latency this time."""
        return (self.seconds or 0.0) + random.random() * self.jitter_seconds  # noqa: S311 - chance, not secrecy


@dataclass(frozen=True, slots=True)
class Struck:
    """What hits one request: any number of latencies, and at most one fault of another kind."""

    latencies: tuple[Fault, ...] = ()
    fault: Fault | None = None


class Faults:
    """The switchboard. Faults are asked in the order they were added."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._ids = count(1)

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults.values()))

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, kind: FaultKind | str, **settings: Any) -> Fault:
        """Switches a fault on. Raises SettingError for settings it does not have."""
        if len(self._faults) >= MAX_FAULTS:
            raise SettingError.unfit("faults", f"at most {MAX_FAULTS}")
        fault = Fault.from_json({"kind": kind, **settings})
        fault.id = next(self._ids)
        self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: int) -> Fault:
        """Switches a fault off and lets go of what hangs on it. Raises KeyError."""
        fault = self._faults.pop(fault_id)
        fault.released.set()
        return fault

    def clear(self) -> None:
        for fault in self:
            self.remove(fault.id)

    def strike(self, method: str, template: str | None, path: str) -> Struck:
        """Decides what hits a request."""
        if not self._faults:
            return Struck()
        latencies: list[Fault] = []
        for fault in self._faults.values():
            if not fault.matches(method, template, path) or not fault.strikes():
                continue
            if fault.kind is not FaultKind.LATENCY:
                return Struck(tuple(latencies), fault)
            latencies.append(fault)
        return Struck(tuple(latencies))

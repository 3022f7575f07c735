"""What a limiter is told: the operator's limits, and how much it may hold."""

from dataclasses import dataclass
from typing import Protocol


class Limits(Protocol):
    """The part of the settings the limiter is built from: requests per second."""

    @property
    def global_per_second(self) -> int: ...

    @property
    def per_channel_per_second(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the limiter holds, and for how long. Seconds and counts.

    `longest_wait_seconds` bounds every wait whatever its deadline. `lease_seconds` must be longer than the
    longest deadline of a caller: a permit may lie for a while before its request leaves.
    """

    lease_seconds: float = 330.0
    longest_wait_seconds: float = 300.0
    waiting_per_bucket: int = 1_000
    waiting_per_caller: int = 1_000
    idle_seconds: float = 300.0
    invalid_requests: int = 10_000

"""What a bucket remembers of its counterpart in Redis."""

from dataclasses import dataclass
from hashlib import blake2b

from services.discord.rate_limit.permit import BucketPermit
from services.discord.rate_limit.port import Observation


@dataclass(frozen=True, slots=True)
class Landing:
    """A request that is in flight no longer. `permit` None: one of a replica that is gone. `at` monotonic seconds."""

    flight: str
    permit: BucketPermit | None
    seen: Observation | None
    at: float


class RemoteLane:
    """The version our knowledge continues, what of it is not in Redis yet, and the flights of other replicas.

    `life` tells apart the times between two outages: knowledge from a former one was not shared by everybody.
    """

    __slots__ = ("elsewhere", "is_divergent", "key", "life", "pending", "version")

    def __init__(self, bucket_key: tuple[str, ...], life: int) -> None:
        self.key = name_of(bucket_key)
        self.version = ""
        self.elsewhere: frozenset[str] = frozenset()
        self.pending: list[Landing] = []
        self.life = life
        self.is_divergent = False


def name_of(parts: tuple[str, ...]) -> str:
    """A name for keys in Redis. The major parameter can be a webhook's token, so nothing of it is legible."""
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()

"""Memory of enforced nonces: which message an author's nonce already made.

Discord remembers "the past few minutes" per author
(https://discord.com/developers/docs/resources/message#create-message) and answers a repeat with the message
that exists. When that message was deleted meanwhile, the repeat fails with 10008.
"""

from collections import OrderedDict
from dataclasses import dataclass

MAX_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """The message a nonce made; `forgotten_at` is on the monotonic clock."""

    channel_id: str
    message_id: str
    forgotten_at: float


class Nonces:
    """Author and nonce → message, until it is forgotten. Oldest entries leave first."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[tuple[str, str], Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._remembered)

    def find(self, author_id: str, nonce: str | int, now: float) -> Remembered | None:
        self._forget(now)
        found = self._remembered.get((author_id, str(nonce)))
        return found if found is not None and found.forgotten_at > now else None

    def remember(self, author_id: str, nonce: str | int, entry: Remembered) -> None:
        key = (author_id, str(nonce))
        self._remembered[key] = entry
        self._remembered.move_to_end(key)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    def _forget(self, now: float) -> None:
        while self._remembered:
            key, oldest = next(iter(self._remembered.items()))
            if oldest.forgotten_at > now:
                return
            del self._remembered[key]

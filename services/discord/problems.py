"""What can go wrong with one attempt, sorted by what it says: did the action happen, and may it be tried again."""

from dataclasses import dataclass
from enum import StrEnum

from services.errors import ActionError


class Kind(StrEnum):
    """What an attempt that did not succeed tells about the action."""

    UNSENT = "unsent"
    """No byte of it left: it did not happen, and a later attempt may succeed."""
    LIMITED = "limited"
    """A 429: it did not happen. The limiter knows when the next attempt may go."""
    STANDSTILL = "standstill"
    """Discord cannot work right now: it did not happen, and a later attempt may succeed."""
    REFUSED = "refused"
    """It did not happen, and the same attempt would be refused again."""
    IN_DOUBT = "in_doubt"
    """It may have happened."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An attempt that did not succeed, and the error its action ends with if nothing else is known of it.

    `is_discord_well` is false for what an outage looks like, and None where nothing was learned of Discord.
    """

    kind: Kind
    error: ActionError
    is_discord_well: bool | None = True

    @property
    def discord_code(self) -> int | None:
        """Discord's own error code; None when Discord did not answer, 0 when it named none."""
        return self.error.discord.code if self.error.discord else None

    @property
    def status(self) -> int | None:
        """The HTTP status; None when no answer came."""
        return self.error.discord.status if self.error.discord else None

"""Discord's limits as the module sees them now, for whoever asks over REST."""

from collections.abc import Mapping
from typing import Any

from services.discord import DiscordClient
from services.discord.rate_limit import RateLimiter


class LimitsView:
    """Fulfils `services.rest_api.LimitsReport`."""

    def __init__(self, limiter: RateLimiter, discord: DiscordClient) -> None:
        self._limiter = limiter
        self._discord = discord

    def describe(self) -> Mapping[str, Any]:
        return {**self._limiter.describe(), "discord": self._discord.describe()}

"""Discord's API: the only package that speaks to it."""

from services.discord.client import DiscordClient, Observer

__all__ = ["DiscordClient", "Observer"]

"""Carrying out an action: authorized, at most once, within the limits, on the record."""

from services.discord_service.run import Performed
from services.discord_service.service import DiscordService

__all__ = ["DiscordService", "Performed"]

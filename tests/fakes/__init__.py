"""Small stand-ins for the ports, for tests of what stands between the ports."""

from tests.fakes.clock import ManualClock
from tests.fakes.discord import ScriptedDiscord
from tests.fakes.record import MemoryAuditLog

__all__ = ["ManualClock", "MemoryAuditLog", "ScriptedDiscord"]

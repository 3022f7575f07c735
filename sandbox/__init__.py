"""A stand-in for Discord's REST API v10: for trying things without Discord, and for tests.

It is held to Discord's documentation, not to any client: it keeps state, refuses what Discord refuses, limits
as Discord limits, records what it was sent, and fails on demand. `python -m sandbox` serves it; a test embeds
it:

    async with Sandbox.serving(Options(limits_enabled=False)) as sandbox:
        client = Client(sandbox.base_url, sandbox.options.token)
"""

from sandbox.clock import Clock, ManualClock, SystemClock
from sandbox.faults import Fault, FaultKind, LostReply
from sandbox.limits.rules import Rule, Scope, WindowKind
from sandbox.options import Options
from sandbox.permissions import Permission
from sandbox.recorder import RecordedRequest
from sandbox.server import Sandbox
from sandbox.state import World

__all__ = [
    "Clock",
    "Fault",
    "FaultKind",
    "LostReply",
    "ManualClock",
    "Options",
    "Permission",
    "RecordedRequest",
    "Rule",
    "Sandbox",
    "Scope",
    "SystemClock",
    "WindowKind",
    "World",
]

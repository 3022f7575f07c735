"""Everything the page shows, as parts under keys: the unit in which changes are noticed and sent.

A part's key says what it is: `guild/1`, `channel/123`, `message/456`, `request/17`, `bucket/messages.create/123`,
`fault/2`. What can grow without end is cut to its newest.
"""

import time
from typing import TYPE_CHECKING, Any

from sandbox.options import Options
from sandbox.page.messages import message_parts
from sandbox.page.places import place_parts
from sandbox.page.traffic import traffic_parts

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Parts = dict[str, Any]
SHOWN_OPTIONS = ("limits_enabled", "limit_factor", "latency_seconds")


def parts(sandbox: "Sandbox", channel_id: str) -> Parts:
    """The parts as they stand; messages are those of one channel."""
    world = sandbox.world
    return {
        "about": _about(sandbox),
        "clock": {"ahead_seconds": round(sandbox.clock.wall() - time.time())},
        **place_parts(world),
        **message_parts(world, channel_id),
        **traffic_parts(sandbox),
    }


def _about(sandbox: "Sandbox") -> Parts:
    options = sandbox.options
    return {
        "base_url": sandbox.base_url,
        "module_url": options.module_url,
        "bot_id": sandbox.world.bot.id,
        "token": options.token if options.token == Options().token else None,
        "options": {name: getattr(options, name) for name in SHOWN_OPTIONS},
    }

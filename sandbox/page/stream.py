"""What changed, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Nothing in the sandbox reports to the page. While somebody watches, the parts are written down a few times a second and
those that differ from what this viewer has are sent; while nobody does, nothing runs. A viewer that reads slowly skips
states instead of queueing them, and one that comes back gets everything anew: no history is kept for anybody.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.page.parts import parts
from sandbox.wire import is_gone

if TYPE_CHECKING:
    from sandbox.server import Sandbox

TICK_SECONDS = 0.2
WRITE_SECONDS = 10.0
"""A viewer that takes nothing for so long is dropped; its browser connects again when it wakes up."""

SILENCE_TICKS = 75
"""A comment after so many ticks without a change: proxies and browsers give up on silent connections."""

MAX_VIEWERS = 32
RECONNECT_MILLISECONDS = 1_000
DEFAULT_CHANNEL = "123"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Stream:
    """Keeps open pages up to date."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._viewers = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET stream; `channel` is the one whose messages are shown. 503 when too many pages are open."""
        if self._viewers >= MAX_VIEWERS:
            raise web.HTTPServiceUnavailable(text=f"{MAX_VIEWERS} pages are open already")
        response = web.StreamResponse(headers=HEADERS)
        self._viewers += 1
        try:
            await response.prepare(request)
            await self._follow(request, response, request.query.get("channel", DEFAULT_CHANNEL))
        except (ConnectionError, TimeoutError):
            pass  # the viewer left, or sleeps
        finally:
            self._viewers -= 1
        return response

    async def _follow(self, request: web.Request, response: web.StreamResponse, channel_id: str) -> None:
        await _write(response, f"retry: {RECONNECT_MILLISECONDS}\n\n")
        known: dict[str, str] = {}
        silent_ticks = 0
        is_first = True
        while not self._sandbox.closing.is_set() and not is_gone(request):
            now = encoded(parts(self._sandbox, channel_id))
            event = changes(known, now)
            known = now
            silent_ticks = 0 if event else silent_ticks + 1
            if event or is_first:
                await _write(response, f"event: {'everything' if is_first else 'changes'}\ndata: {event}\n\n")
            elif silent_ticks % SILENCE_TICKS == 0:
                await _write(response, ":\n\n")
            is_first = False
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(TICK_SECONDS):
                await self._sandbox.closing.wait()
        except TimeoutError:
            return


def encoded(current: Mapping[str, Any]) -> dict[str, str]:
    """Each part as JSON."""
    return {key: json.dumps(part, separators=(",", ":"), default=str) for key, part in current.items()}


def changes(known: Mapping[str, str], now: Mapping[str, str]) -> str:
    """{"changed": {key: part}, "gone": [key]} as JSON; empty when nothing differs."""
    changed = [f"{json.dumps(key)}:{part}" for key, part in now.items() if known.get(key) != part]
    gone = [key for key in known if key not in now]
    if not changed and not gone:
        return ""
    return f'{{"changed":{{{",".join(changed)}}},"gone":{json.dumps(gone)}}}'


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(text.encode())

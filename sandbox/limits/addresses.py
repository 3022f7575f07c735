"""Cloudflare in front of Discord: an address that keeps failing is shut out.

10 000 invalid requests (401, 403, and 429 unless its scope is shared) in 10 minutes ban the address for a
while (https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans). A
banned address gets a 429 that does not look like Discord's: no Via, no X-RateLimit headers, no retry_after.
"""

from collections import OrderedDict

from sandbox.call import Answer
from sandbox.clock import Clock
from sandbox.limits.limiter import TOO_MANY_REQUESTS
from sandbox.limits.rules import Scope
from sandbox.limits.traffic import RollingCount
from sandbox.options import Options

MAX_ADDRESSES = 1_000
INVALID_STATUSES = frozenset({401, 403})
BLOCKED_TEXT = "You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently."
BLOCKED_HTML = (
    "<!doctype html><html><head><title>Access denied | discord.com used Cloudflare</title></head>"
    "<body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>"
)


def cloudflare_429(*, html: bool = False) -> Answer:
    """The answer to a banned address."""
    if html:
        return Answer(TOO_MANY_REQUESTS, text=BLOCKED_HTML, via=False)
    return Answer(TOO_MANY_REQUESTS, {"message": BLOCKED_TEXT, "code": 0}, via=False)


class Addresses:
    """Invalid requests per address, and who is banned."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        self._invalid: OrderedDict[str, RollingCount] = OrderedDict()
        self._banned_until: OrderedDict[str, float] = OrderedDict()
        self.refused = 0

    def blocks(self, address: str) -> bool:
        """True, and counted, while the address is banned."""
        if self._banned_until.get(address, 0.0) <= self._clock.monotonic():
            self._banned_until.pop(address, None)
            return False
        self.refused += 1
        return True

    def note(self, address: str, status: int, scope: Scope | None) -> None:
        """Counts an answer that was given to the address."""
        counted = status in INVALID_STATUSES or (status == TOO_MANY_REQUESTS and scope is not Scope.SHARED)
        if not counted or address in self._banned_until:
            return
        now = self._clock.monotonic()
        counts = self._invalid.get(address)
        if counts is None:
            counts = self._invalid[address] = RollingCount(self._options.invalid_request_window_seconds)
            _shorten(self._invalid)
        counts.add(now)
        if counts.count(now) >= self._options.invalid_request_limit:
            del self._invalid[address]
            self._banned_until[address] = now + self._options.cloudflare_ban_seconds
            _shorten(self._banned_until)

    def invalid_requests(self) -> dict[str, int]:
        """Address → invalid requests inside the window."""
        now = self._clock.monotonic()
        return {address: counts.count(now) for address, counts in self._invalid.items()}


def _shorten[Value](table: OrderedDict[str, Value]) -> None:
    while len(table) > MAX_ADDRESSES:
        table.popitem(last=False)

"""How often somebody may try to exchange a secret for a token.

A secret has 256 bits: nobody guesses one, however often they try. What is bounded is the work and the noise. Each try
costs a point, a failed one twelve, and a minute has 120: ten failures, or 120 tokens, for one address and for one
client id, whichever comes first. An IPv6 network of 64 bits counts as one address, because whoever has one address of
it has them all. Ids that nobody registered are counted like others: no answer tells which they are.

Whoever keeps failing under a client's id would keep that client out. So an address that a client has had a token from
is counted for itself: strangers use up what strangers have. Each replica remembers such addresses, for as long as it
has room; a client that comes from a new one has to wait while somebody tries its name. Tokens it has stay good.
"""

import ipaddress
from collections import OrderedDict
from typing import Final

from services.auth.windows import Windows
from services.errors import RateLimited

POINTS_PER_MINUTE: Final = 120
FAILURE_POINTS: Final = 12
IPV6_NETWORK_BITS: Final = 64
MOST_KNOWN: Final = 10_000


class TokenAttempts:
    """Admits tries, and counts those that failed."""

    def __init__(self, windows: Windows, *, most_known: int = MOST_KNOWN) -> None:
        self._windows = windows
        self._most_known = most_known
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def admit(self, client_id: str, address: str) -> None:
        """Counts a try. Raises RateLimited, in the same words whichever of the two was too busy."""
        for name in self._names(client_id, _network(address)):
            wait_seconds = await self._windows.take(name, POINTS_PER_MINUTE)
            if wait_seconds:
                raise RateLimited("Too many attempts to get a token.", retry_after_seconds=wait_seconds)

    async def failed(self, client_id: str, address: str) -> None:
        """Counts that a try failed."""
        for name in self._names(client_id, _network(address)):
            await self._windows.charge(name, FAILURE_POINTS - 1)

    def succeeded(self, client_id: str, address: str) -> None:
        """Remembers where the client comes from."""
        pair = client_id, _network(address)
        self._known[pair] = None
        self._known.move_to_end(pair)
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)

    def _names(self, client_id: str, network: str) -> tuple[str, str]:
        is_known = (client_id, network) in self._known
        of_client = f"token-client-from:{network}:{client_id}" if is_known else f"token-client:{client_id}"
        return f"token-address:{network}", of_client


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((int(parsed), IPV6_NETWORK_BITS), strict=False))

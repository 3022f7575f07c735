"""How often somebody may try to exchange a secret for a token.

A secret has 256 bits: nobody guesses one, however often they try. What is bounded is the work and the noise. Each try
costs a point, a failed one twelve, and a minute has 120: ten failures, or 120 tokens, for one address and for one
client id, whichever comes first. An IPv6 network of 64 bits counts as one address, because whoever has one address of
it has them all. Ids that nobody registered are counted like others: no answer tells which they are.

Somebody who keeps failing under a client's id can keep that client from getting new tokens meanwhile; tokens it has
stay good. Moving the client to another id, or shutting the address out before it comes here, ends that.
"""

import ipaddress
from typing import Final

from services.auth.windows import Windows
from services.errors import RateLimited

POINTS_PER_MINUTE: Final = 120
FAILURE_POINTS: Final = 12
IPV6_NETWORK_BITS: Final = 64


class TokenAttempts:
    """Admits tries, and counts those that failed."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    async def admit(self, client_id: str, address: str) -> None:
        """Counts a try. Raises RateLimited, in the same words whichever of the two was too busy."""
        for name in _names(client_id, address):
            wait_seconds = await self._windows.take(name, POINTS_PER_MINUTE)
            if wait_seconds:
                raise RateLimited("Too many attempts to get a token.", retry_after_seconds=wait_seconds)

    async def failed(self, client_id: str, address: str) -> None:
        """Counts that a try failed."""
        for name in _names(client_id, address):
            await self._windows.charge(name, FAILURE_POINTS - 1)


def _names(client_id: str, address: str) -> tuple[str, str]:
    return f"token-address:{_network(address)}", f"token-client:{client_id}"


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((int(parsed), IPV6_NETWORK_BITS), strict=False))

"""Which address a request comes from, when proxies stand before the module.

The header X-Forwarded-For is a list to which each proxy adds, at its end, whom it heard. Whoever sends the request
writes the beginning. So it is read from the right, as long as what was heard is one of our own proxies
(TRUSTED_PROXIES): the first that is none is the caller, and nothing to the left of it counts. Without trusted proxies
the header is not read.
Nor are `Forwarded` (RFC 7239) and X-Real-IP.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-For#security_and_privacy_concerns
"""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from services.rest_api.request import RestRequest

type Network = IPv4Network | IPv6Network

FORWARDED: Final = "x-forwarded-for"
UNKNOWN: Final = "unknown"
"""For a peer without an address, such as one on a Unix socket."""


def client_address(request: RestRequest, trusted: Sequence[Network]) -> str:
    """The address of whoever asks, as text in its usual form."""
    heard = request.sent.get(FORWARDED, "") if trusted else ""
    return origin(request.remote_addr or UNKNOWN, heard, trusted)


def origin(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The rightmost address that is not a trusted proxy's; the leftmost where all are."""
    address = _address(peer)
    if address is None:
        return peer or UNKNOWN
    hops = reversed(forwarded_for.split(",")) if forwarded_for else ()
    for hop in hops:
        if not any(address in network for network in trusted):
            break
        heard = _address(hop.strip())
        if heard is None:  # what a proxy of ours cannot have written ends the list
            break
        address = heard
    return str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, with or without brackets and port; IPv4 written as IPv6 is IPv4."""
    bare = text[1 : text.index("]")] if text.startswith("[") and "]" in text else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address

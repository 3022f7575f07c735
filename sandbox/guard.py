"""The door of the sandbox's own routes: they are for this machine's person, not for any web site they have open.

A browser sends two kinds of request nobody asked for. One from another site (cross-site request forgery): it names
that site in `Origin`, or says so in `Sec-Fetch-Site`. One to a name that an attacker points at this machine (DNS
rebinding): to the browser it is the attacker's own site, and only `Host` shows the name. So `Host` must be an address,
`localhost` or the name the sandbox was told to listen on, and what a browser sends must come from a page of this very
origin. curl and test clients send neither header and are not bothered.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OWN_SITES = frozenset({"same-origin", "none"})
READING = frozenset({"GET", "HEAD"})


def guarded(handler: Handler, own_name: str) -> Handler:
    """The handler behind the door. `own_name`: the host name the sandbox listens on. Refusals are 403 in plain text."""

    async def guard(request: web.Request) -> web.StreamResponse:
        if not is_own_host(request.host, own_name):
            raise web.HTTPForbidden(text="not served under this name: use an address or localhost")
        if not _comes_from_here(request):
            raise web.HTTPForbidden(text="sent by another site's page")
        return await handler(request)

    return guard


def is_own_host(host: str, own_name: str) -> bool:
    """Whether a Host header names this machine in a way that no name server decides."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in {"localhost", own_name.lower()} or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _comes_from_here(request: web.Request) -> bool:
    """A link from elsewhere may open the page; nothing else from elsewhere is answered."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return False
    is_opened = request.method in READING and request.headers.get("Sec-Fetch-Mode") == "navigate"
    return is_opened or request.headers.get("Sec-Fetch-Site", "none") in OWN_SITES

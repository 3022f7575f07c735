"""The files of the page, with headers that let it run its own scripts and nothing else.

No request may leave the machine, whatever a message contains: the policy allows this origin alone. `trusted-types`
makes the browser itself refuse any text turned into markup.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from aiohttp import web

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
)


@cache
def _files() -> Mapping[str, bytes]:
    """Every file by its name: they are few, and a name that is not among them leads nowhere."""
    return {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in TYPES}


async def index(_request: web.Request) -> web.Response:
    """The page."""
    return _served(INDEX)


async def asset(request: web.Request) -> web.Response:
    """One of its files; 404 for anything else."""
    name = request.match_info["name"]
    if name not in _files():
        raise web.HTTPNotFound(headers=HEADERS)
    return _served(name)


def _served(name: str) -> web.Response:
    kind = TYPES[Path(name).suffix]
    return web.Response(body=_files()[name], content_type=kind, charset="utf-8", headers=HEADERS)

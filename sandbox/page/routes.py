"""Where the page and its stream are."""

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.guard import guarded
from sandbox.page.files import asset, index
from sandbox.page.stream import Stream

if TYPE_CHECKING:
    from sandbox.server import Sandbox

ROOT = "/"
FILES = "/_sandbox/page"
STREAM = "/_sandbox/stream"


def page_routes(sandbox: "Sandbox") -> list[web.RouteDef]:
    """The routes, bound to one sandbox."""
    name = sandbox.options.host
    return [
        web.get(ROOT, guarded(index, name)),
        web.get(f"{FILES}/{{name}}", guarded(asset, name)),
        web.get(STREAM, guarded(Stream(sandbox).serve, name)),
    ]

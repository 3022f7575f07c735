"""What never changes while the module runs: the OpenAPI document, the page at /docs and the page's files.

Each has an entity tag made from its content, and `no-cache`: a reader keeps it, asks whether it is still the same, and
is told 304 (https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2). So a new release is seen at once.

A file is read when it is asked for, piece by piece as its reader takes it; none is held in memory.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from quart import Response

from services.errors import NotFound
from services.rest_api.action_routes import View
from services.rest_api.request import current_request
from services.rest_api.responses import bytes_response

HERE: Final = Path(__file__).parent
SWAGGER_UI: Final = HERE / "vendor" / "swagger_ui"
PIECE_BYTES: Final = 64 * 1024
KEPT_HEADERS: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}

SCRIPT: Final = "text/javascript; charset=utf-8"
STYLE: Final = "text/css; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"

DOCS_FILES: Final[Mapping[str, tuple[Path, str]]] = {
    "docs.js": (HERE / "static" / "docs.js", SCRIPT),
    "docs.css": (HERE / "static" / "docs.css", STYLE),
    "swagger-ui-bundle.js": (SWAGGER_UI / "swagger-ui-bundle.js", SCRIPT),
    "swagger-ui-bundle.js.LICENSE.txt": (SWAGGER_UI / "swagger-ui-bundle.js.LICENSE.txt", TEXT),
    "swagger-ui.css": (SWAGGER_UI / "swagger-ui.css", STYLE),
    "LICENSE": (SWAGGER_UI / "LICENSE", TEXT),
    "NOTICE": (SWAGGER_UI / "NOTICE", TEXT),
}
"""What /docs/{file} serves: where it is kept, and its media type."""


def document_view(content: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> View:
    """The view of a document that was made at the start."""
    tag = hashlib.sha256(content).hexdigest()

    async def view() -> Response:
        return _kept(bytes_response(content, content_type, headers), tag)

    return view


def docs_file_view() -> View:
    """The view of the files the page at /docs is made of. Raises NotFound for any other name."""

    async def view(file: str) -> Response:
        if file not in DOCS_FILES:
            raise NotFound("The page has no such file.")
        path, content_type = DOCS_FILES[file]
        tag = await asyncio.to_thread(_tag_of, path)
        size = (await asyncio.to_thread(path.stat)).st_size
        return _kept(
            Response(_pieces(path, size), headers={"Content-Length": str(size)}, content_type=content_type), tag
        )

    return view


def _kept(response: Response, tag: str) -> Response:
    """The answer with its entity tag, or 304 for a reader that has it already."""
    headers = KEPT_HEADERS | {"ETag": f'"{tag}"'}
    if current_request().if_none_match.contains_weak(tag):
        unchanged = Response(None, 304, headers)
        del unchanged.headers["Content-Type"]  # the framework's guess; there is no content
        return unchanged
    response.headers.update(headers)
    return response


async def _pieces(path: Path, size: int) -> AsyncIterator[bytes]:
    """The file's content. It is open only while a piece is read: who goes away in between leaves nothing open."""
    for start in range(0, size, PIECE_BYTES):
        yield await asyncio.to_thread(_piece, path, start)


def _piece(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(PIECE_BYTES)


@cache
def _tag_of(path: Path) -> str:
    """Computed once for each file, when it is first asked for."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

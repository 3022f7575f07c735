"""`GET /`: what this is and where to go on, for whoever opens the port in a browser."""

from typing import Final

import orjson

from services.rest_api.dependencies import RestDependencies

LINKS: Final = {
    "docs": "./docs",
    "openapi": "./openapi.json",
    "health": "./health",
    "metrics": "./metrics",
}
"""Relative, as on the page at /docs: they also hold where a proxy puts the module below a path."""


def index_document(given: RestDependencies) -> bytes:
    """The answer, as JSON."""
    return orjson.dumps({"module": given.module_name, "version": given.module_version, "links": LINKS})

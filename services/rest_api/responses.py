"""Answers: bytes that are JSON already, with the headers they need and nothing computed twice."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from quart import Response

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
PROBLEM_JSON: Final = "application/problem+json"
NOT_STORED: Final = {"Cache-Control": "no-store"}

# Times from the database may come without a zone; they are UTC all the same.
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None, content_type: str = JSON
) -> Response:
    """An answer with `content` as JSON. Dataclasses and times are written as they are."""
    return Response(orjson.dumps(content, option=_OPTIONS), status, dict(headers or {}), content_type=content_type)


def bytes_response(content: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with bytes made before."""
    return Response(content, 200, dict(headers or {}), content_type=content_type)


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value: None is left out, false and empty texts stay."""
    return {name: value for name, value in members.items() if value is not None}

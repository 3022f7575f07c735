"""From the bytes of a body to the fields of a request, with nothing read in two ways.

JSON leaves open what a name that stands twice means, and readers differ; here it is refused. Neither NaN nor lone
surrogates are JSON (https://www.rfc-editor.org/rfc/rfc8259), and a document nested deeper than any request of ours is
refused before anything walks through it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import orjson
from werkzeug.http import parse_options_header

from services.errors import InvalidArgument, UnsupportedMediaType, Violation
from services.rest_api.request import RestRequest

DEEPEST: Final = 16
"""Levels of lists and objects. The deepest request there is has five: a webhook's embeds' fields."""


async def read_fields(request: RestRequest, deadline: float) -> dict[str, Any]:
    """The fields of a request that has a body.

    Raises UnsupportedMediaType, PayloadTooLarge, InvalidArgument, DeadlineExceeded.
    """
    check_media_type(request.sent)
    return parse_object(await request.body.read(deadline))


async def read_optional_fields(request: RestRequest, deadline: float) -> dict[str, Any]:
    """The fields of a request that needs no body; an empty body has none."""
    raw = await request.body.read(deadline)
    return parse_object(raw) if raw.strip() else {}


def check_media_type(sent: Mapping[str, str]) -> None:
    """Raises UnsupportedMediaType unless the body is plain JSON in UTF-8."""
    content_type = sent.get("content-type", "")
    if content_type != "application/json":
        media_type, options = parse_options_header(content_type)
        if media_type.lower() != "application/json" or options.get("charset", "utf-8").lower() != "utf-8":
            raise UnsupportedMediaType("The body must be application/json in UTF-8.")
    if sent.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("The body must not be compressed.")


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object that `raw` holds. Raises InvalidArgument saying where it is broken."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        _refuse(f"is not valid JSON: {exc}" if raw.strip() else "is empty; it must be a JSON object")
    if not isinstance(document, dict):
        _refuse("must be a JSON object")
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and _is_deeper(document, DEEPEST):
        _refuse(f"is nested more than {DEEPEST} levels deep")
    json.loads(raw, object_pairs_hook=_check_names)
    return document


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) == len(pairs):
        return
    for name, _ in pairs:
        if name not in names:
            _refuse(f"names `{name[:64]}` twice in one object")
        names.discard(name)


def _refuse(detail: str) -> NoReturn:
    raise InvalidArgument([Violation((), f"The body {detail}.")], detail=f"The body {detail}.")

"""The record as a stream of lines (https://github.com/ndjson/ndjson-spec), oldest first."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Final

from quart import Response

from services.errors import ActionError, InvalidArgument, Overloaded
from services.rest_api.action_routes import View
from services.rest_api.audit_filter import read_export_request
from services.rest_api.audit_sight import seen_by
from services.rest_api.dependencies import RestDependencies
from services.rest_api.request import RestRequest, current_request
from services.rest_api.responses import NDJSON, NOT_STORED, bytes_response
from services.rest_api.streams import StreamCut
from services.telemetry import Event, get_logger, request_scope

PATH: Final = "/api/v1/actions/export"
MOST_AT_ONCE: Final = 3
MOST_OF_ONE: Final = 2
"""One is always left for others: an export may be read slowly for an hour."""
LONGEST_SECONDS: Final = 3600.0
RETRY_AFTER_SECONDS: Final = 10.0

log = get_logger(__name__)


class Turns:
    """How many exports run. A turn ends with the task that answers, however that ends."""

    def __init__(self) -> None:
        self._taken = Counter[str]()

    def take(self, client_id: str) -> None:
        """Takes a turn for the running task. Raises Overloaded."""
        if self._taken.total() >= MOST_AT_ONCE:
            raise Overloaded(f"{MOST_AT_ONCE} exports run already.", retry_after_seconds=RETRY_AFTER_SECONDS)
        if self._taken[client_id] >= MOST_OF_ONE:
            raise Overloaded(f"{MOST_OF_ONE} exports of yours run already.", retry_after_seconds=RETRY_AFTER_SECONDS)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- every view runs in a task
        self._taken[client_id] += 1
        task.add_done_callback(partial(self._give_back, client_id))

    def _give_back(self, client_id: str, _: asyncio.Task[object]) -> None:
        self._taken[client_id] -= 1
        if not self._taken[client_id]:
            del self._taken[client_id]


def export_view(given: RestDependencies) -> View:
    """The view that streams every row that matches a filter."""
    turns = Turns()

    async def view() -> Response:
        request = current_request()
        caller = await given.authenticator.authenticate(request.bearer_token)
        wanted = seen_by(caller, read_export_request(request.query_string))
        if request.http_version < "1.1":
            raise InvalidArgument(detail="An export needs HTTP/1.1: over 1.0 its end cannot be told from a break.")
        if request.method == "HEAD":
            return bytes_response(b"", NDJSON, NOT_STORED)
        turns.take(caller.client_id)
        lines = given.audit.export(wanted)
        first = await anext(lines, b"")  # what cannot be read at all is answered as a failure
        return Response(_told(_whole(first, lines), request, caller.client_id), 200, NOT_STORED, content_type=NDJSON)

    return view


async def _whole(first: bytes, lines: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Every chunk. Raises what reading raises, and StreamCut when it takes too long."""
    ends_at = time.monotonic() + LONGEST_SECONDS
    async with aclosing(lines):
        if first:
            yield first
        async for chunk in lines:
            if time.monotonic() > ends_at:
                raise StreamCut(f"it took longer than {LONGEST_SECONDS:g} s")
            yield chunk


async def _told(chunks: AsyncGenerator[bytes], request: RestRequest, client_id: str) -> AsyncGenerator[bytes]:
    """The chunks, and to the log how that went. Raises StreamCut."""
    began, sent, outcome = time.monotonic(), 0, "given up by its reader"
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
                sent += len(chunk)
        outcome = "whole"
    except Exception as exc:
        outcome = f"cut: {exc}" if isinstance(exc, ActionError | StreamCut) else f"cut: {type(exc).__name__}"
        raise StreamCut(outcome) from exc
    finally:
        with request_scope(request.log_scope):
            log.info(
                "record exported",
                event=Event.AUDIT,
                caller=client_id,
                result=outcome,
                bytes=sent,
                seconds=_since(began),
            )


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)

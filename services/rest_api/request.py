"""A request as this face reads it: its headers in one pass, its body within a bound.

Quart's own body gathers whatever arrives and measures it at the end, so a chunked upload could fill the memory. This
one measures what arrives and throws away everything once it is too much.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final, cast
from urllib.parse import urlsplit

import quart
from quart.wrappers.request import Body

from services.errors import DeadlineExceeded, PayloadTooLarge
from services.request_conditions import joined
from services.telemetry import RequestScope

LARGEST_BODY_BYTES: Final = 1024 * 1024
LONGEST_BODY_SECONDS: Final = 30.0
"""What a body may take to arrive, however long its sender is ready to wait for the answer."""
NOWHERE: Final = "/:"
"""A path that no route has."""


class BoundedBody(Body):
    """A request's body: at most `max_content_length` bytes are ever held."""

    longest_seconds = LONGEST_BODY_SECONDS

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, max_content_length)
        self._limit = LARGEST_BODY_BYTES if max_content_length is None else max_content_length
        self._chunks: list[bytes] = []
        self._size = 0
        self._is_too_large = (expected_content_length or 0) > self._limit
        self._has_ended = asyncio.Event()
        self.is_complete = False
        """Whether all of it arrived."""

    async def put(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            self._is_too_large = True
            self._chunks.clear()
            self._has_ended.set()
        else:
            self._chunks.append(data)

    def set_complete(self) -> None:
        self.is_complete = True
        self._has_ended.set()

    def disconnect(self) -> None:
        """Nothing to do: Quart cancels the task that reads."""

    async def read(self, deadline: float) -> bytes:
        """The whole body. Raises PayloadTooLarge, and DeadlineExceeded when it has not arrived in time."""
        if not (self._is_too_large or self._has_ended.is_set()):
            await self._wait(min(deadline - time.monotonic(), self.longest_seconds))
        if self._is_too_large:
            raise PayloadTooLarge(f"The body must be at most {self._limit} bytes.")
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    async def _wait(self, timeout_seconds: float) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._has_ended.wait()
        except TimeoutError:
            raise DeadlineExceeded("The body did not arrive in time.") from None


def readable_path(path: str) -> str:
    """The path of a request's target. One that is none, or that the routes would read as another, is found nowhere."""
    if path.startswith("/"):
        return NOWHERE if path.startswith("//") else path
    try:
        return urlsplit(path).path or "/"
    except ValueError:
        return NOWHERE


class RestRequest(quart.Request):
    """A request, with what every route asks of it."""

    body_class = BoundedBody
    body: BoundedBody
    has_reached_service = False
    """Whether it was handed to the service, which then counts and records it."""
    applied_wait_seconds: float | None = None
    """The wait the caller asked for with `Prefer`, as far as it is granted."""

    @cached_property
    def sent(self) -> Mapping[str, str]:
        """The headers by their names in lower case; repeated ones joined."""
        headers: Iterable[tuple[bytes, bytes]] = self.scope["headers"]
        return joined((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)

    def each(self, name: str) -> list[str]:
        """Every value of a header whose name is given in lower case, for what must not be joined."""
        if name not in self.sent:
            return []
        raw_name = name.encode("latin-1")
        return [value.decode("latin-1") for sent_name, value in self.scope["headers"] if sent_name == raw_name]

    @cached_property
    def log_scope(self) -> RequestScope:
        """The request's id and trace, for answers and log lines."""
        request_id = self.sent.get("x-request-id") or self.sent.get("x-correlation-id")
        return RequestScope.of("rest", request_id, self.sent.get("traceparent"))

    @property
    def must_close(self) -> bool:
        """Whether HTTP/1.1 cannot go on with this connection: the rest of a body stands in the way of what follows."""
        has_body = self.sent.get("content-length", "0") != "0" or "transfer-encoding" in self.sent
        return has_body and not self.body.is_complete and self.http_version.startswith("1")

    @property
    def route(self) -> str:
        """The path template, or `-` where no route matched: safe to log and to count by."""
        return self.url_rule.rule if self.url_rule else "-"

    @property
    def bearer_token(self) -> str | None:
        """What follows `Bearer` in the Authorization header."""
        scheme, _, token = self.sent.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None


def current_request() -> RestRequest:
    """The request of the running view, without the proxy that would cost at every attribute."""
    return cast("RestRequest", quart.request._get_current_object())  # noqa: SLF001 -- the proxy has no public way

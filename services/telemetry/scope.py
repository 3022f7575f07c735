"""Which request the running code belongs to; log lines carry it without being told."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Self

from uuid_utils import uuid4

LONGEST_REQUEST_ID_CHARACTERS = 128

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]+")


@dataclass(slots=True)
class RequestScope:
    """The request that is being answered.

    `traceparent` is the caller's, in the form of https://www.w3.org/TR/trace-context/, or None. `caller` is the
    client's id, once it is known.
    """

    request_id: str
    protocol: Literal["grpc", "rest"]
    traceparent: str | None = None
    caller: str | None = None

    @classmethod
    def of(cls, protocol: Literal["grpc", "rest"], request_id: str | None, traceparent: str | None) -> Self:
        """Builds the scope from what the caller sent, which may be anything."""
        return cls(sanitised_request_id(request_id), protocol, valid_traceparent(traceparent))

    @property
    def trace_id(self) -> str | None:
        """The id that all parts of a trace share, 32 hexadecimal digits."""
        return self.traceparent[3:35] if self.traceparent else None


_scope: ContextVar[RequestScope | None] = ContextVar("request_scope", default=None)


def current_scope() -> RequestScope | None:
    """Gives the scope of the running request; None outside of requests."""
    return _scope.get()


def name_caller(client_id: str) -> None:
    """Says whose request is running, once that is known; without a request it has no effect."""
    scope = _scope.get()
    if scope is not None:
        scope.caller = client_id


class request_scope:  # noqa: N801  # used as a statement: `with request_scope(scope):`
    """Make `scope` the current one for the block, and for the tasks that the block starts."""

    __slots__ = ("_scope", "_token")

    def __init__(self, scope: RequestScope) -> None:
        self._scope = scope

    def __enter__(self) -> RequestScope:
        self._token = _scope.set(self._scope)
        return self._scope

    def __exit__(self, *_: object) -> None:
        _scope.reset(self._token)


def new_request_id() -> str:
    """Makes an id of 32 hexadecimal digits."""
    return uuid4().hex


def sanitised_request_id(raw: str | None) -> str:
    """Keeps the printable ASCII of a caller's id, at most 128 characters; makes one where nothing is left."""
    return _UNPRINTABLE.sub("", raw or "")[:LONGEST_REQUEST_ID_CHARACTERS] or new_request_id()


def valid_traceparent(raw: str | None) -> str | None:
    """Gives the header back if it is well formed, and None otherwise, as the standard asks."""
    return raw if raw and _TRACEPARENT.fullmatch(raw) else None

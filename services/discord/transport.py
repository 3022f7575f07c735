"""The one place that speaks HTTP. It sends a request once, reads a bounded answer, and says what a failure means.

What the HTTP library's exceptions mean was found by trying each fault against a real server:

- `ClientConnectorError` with its children (name resolution, refused, TLS) and `ConnectionTimeoutError` are raised
  while connecting: no byte of the request left (`NotSent`).
- Everything after that is `Lost`: the request may have been read. `ServerDisconnectedError` and `ClientOSError` on
  a kept-alive connection look the same whether the peer closed before it saw the request or after it acted on it.
- The total timeout surfaces as a bare `TimeoutError`. Connecting has a shorter one of its own, so it can only mean
  a wait for the answer (`Lost`).
- Once the head of the answer was read, its status counts. A body that breaks off, or is larger than we read, makes
  a reply without a body, and `replies` decides what that means.

When a connection breaks, the library sends GET, PUT and DELETE a second time by itself, even if the connection was
fresh. A repeat that nobody counts is what this service promises not to make, so `_send_once` takes the exception
away before the library can act on it.

Connecting may take longer than a request takes to arrive, so that whoever counts what is on its way is told when a
request has its connection (`departs`), which is just before its first byte leaves, and not when it wants one.

A connection that idles is dropped by us after `KEEP_ALIVE_SECONDS`, sooner than Discord's edge does, so that
requests seldom meet a connection that is being closed.
"""

from collections.abc import Callable
from contextvars import ContextVar
from os import strerror
from types import TracebackType
from typing import Final, Self

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from services.discord.outbound import Outbound
from services.discord.raw_reply import RawReply

CONNECT_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 30.0
DNS_CACHE_SECONDS: Final = 60
LARGEST_BODY_BYTES: Final = 1024 * 1024
SHORTEST_CONNECT_SECONDS: Final = 0.001
# Otherwise the library adds a type to a PUT without a body.
NO_CONTENT_TYPE: Final = frozenset({"Content-Type"})

_departs: Final[ContextVar[Callable[[], None]]] = ContextVar("departs")
"""Of the request that is being sent in this task: the library hands nothing through to its connector."""


class NotSent(Exception):
    """No byte of the request left. `is_discord_well` is None when only the caller's time was too short to connect."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        self.is_discord_well: bool | None = False
        super().__init__(detail)


class Lost(Exception):
    """The request may have been read, and no answer came."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class _TellingConnector(TCPConnector):
    """Tells each request that it has its connection."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 -- the library's own signature
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _departs.get()()
        return connection


class Transport:
    """A pool of connections, open for the length of an `async with`."""

    def __init__(self, *, max_connections: int, attempt_timeout_seconds: float) -> None:
        self._max_connections = max_connections
        self._attempt_seconds = attempt_timeout_seconds
        self._connect_seconds = min(CONNECT_SECONDS, attempt_timeout_seconds / 2)
        self._timeout = ClientTimeout(total=attempt_timeout_seconds, connect=self._connect_seconds)
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = _TellingConnector(
            limit=self._max_connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ttl_dns_cache=DNS_CACHE_SECONDS,
        )
        self._session = ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=self._timeout,
            trust_env=False,
            raise_for_status=False,
            middlewares=(_send_once,),
        )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def exchange(
        self, outbound: Outbound, seconds_left: float, departs: Callable[[], None] = lambda: None
    ) -> RawReply:
        """Sends once and reads the answer. Connecting takes no longer than `seconds_left`; an attempt on its way may.

        Calls `departs` just before the bytes leave. Raises NotSent and Lost.
        """
        if self._session is None:
            raise NotSent("The connection to Discord is closed.")
        told = _departs.set(departs)
        try:
            response = await self._session.request(
                outbound.method,
                outbound.url,
                headers=outbound.headers,
                data=outbound.body,
                skip_auto_headers=NO_CONTENT_TYPE if outbound.body is None else None,
                allow_redirects=False,
                timeout=self._timeout_within(seconds_left),
            )
        except NotSent as failure:
            if seconds_left < self._connect_seconds:
                failure.is_discord_well = None
            raise
        except TimeoutError as exc:
            raise Lost(f"Discord did not answer within {self._attempt_seconds:g} s.") from exc
        finally:
            _departs.reset(told)
        return RawReply(response.status, response.headers, await _body(response))

    def _timeout_within(self, seconds_left: float) -> ClientTimeout:
        if seconds_left >= self._connect_seconds:
            return self._timeout
        return ClientTimeout(total=self._attempt_seconds, connect=max(seconds_left, SHORTEST_CONNECT_SECONDS))


async def _send_once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    """Sends, and turns what goes wrong into our own errors, which the HTTP library does not repeat a request for."""
    try:
        return await send(request)
    except ConnectionTimeoutError as exc:
        raise NotSent("Discord could not be reached: connecting took too long.") from exc
    except ClientConnectorError as exc:
        raise NotSent(f"Discord could not be reached: {_cause(exc)}.") from exc
    except TimeoutError:
        raise  # the total one: `exchange` names it
    except (ClientError, OSError) as exc:
        raise Lost("The connection to Discord broke before an answer came.") from exc


def _cause(exc: ClientConnectorError) -> str:
    """The cause in words that name no address."""
    if isinstance(exc, ClientConnectorDNSError):
        return "its name could not be resolved"
    if isinstance(exc, ClientSSLError):
        return "TLS failed"
    return strerror(exc.errno) if exc.errno else "no connection"


async def _body(response: ClientResponse) -> bytes | None:
    """The whole body, or None when it broke off or is larger than we read."""
    body = bytearray()
    try:
        while chunk := await response.content.readany():
            body += chunk
            if len(body) > LARGEST_BODY_BYTES:
                response.close()
                return None
    except (ClientError, OSError):  # TimeoutError is an OSError
        response.close()
        return None
    except BaseException:
        response.close()
        raise
    return bytes(body)

"""The Quart application: the routes, and what holds for every one of them.

What a framework offers every request and this face never uses is left out: sessions, static files, automatic OPTIONS,
redirects to a better spelling of the path. A path is right or it is not found.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any, Final, NamedTuple

import orjson
from quart import Quart
from quart.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from quart.typing import ResponseTypes
from quart.wrappers import Request, Websocket
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.routing import MapAdapter

from services.actions import CATALOGUE
from services.rest_api.action_routes import View, action_view
from services.rest_api.audit_routes import page_view, row_view
from services.rest_api.dependencies import RestDependencies
from services.rest_api.docs_page import DOCS_HEADERS, docs_page
from services.rest_api.documents import docs_file_view, document_view
from services.rest_api.export_routes import PATH as EXPORT_PATH
from services.rest_api.export_routes import export_view
from services.rest_api.health_routes import health_view, live_view, metrics_view, ready_view
from services.rest_api.index import index_document
from services.rest_api.limits_routes import limits_view
from services.rest_api.openapi import openapi_document
from services.rest_api.problems import ErrorHandler
from services.rest_api.request import LARGEST_BODY_BYTES, RestRequest, readable_path
from services.rest_api.responses import JSON
from services.rest_api.streams import STALL_SECONDS, StreamCut, bounded
from services.rest_api.token_routes import token_view
from services.telemetry import NO_SPAN, Span, request_scope, request_span

NO_SESSION: Final = NullSession()


class NoSessions(SecureCookieSessionInterface):
    """Opens nothing: no request here has a session."""

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> SecureCookieSession:
        return NO_SESSION


class Route(NamedTuple):
    """A method and a path template, and what answers there."""

    method: str
    path: str
    view: View


class RestApp(Quart):
    """Quart, with the request's id in every log line and every answer."""

    request_class = RestRequest
    session_interface = NoSessions()
    stall_seconds = STALL_SECONDS

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """Matches by method and path alone: the Host header decides nothing here."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "localhost", "/", "", request.scheme, request.path, request.method)

    async def asgi_app(self, scope: Any, receive: Any, send: Any) -> None:
        """Leaves a stream that was cut without its end."""
        if scope["type"] == "http":
            scope["path"] = readable_path(scope["path"])
        if scope["type"] == "http" and scope["path"] == EXPORT_PATH:
            send = bounded(send, self.stall_seconds)
        with suppress(StreamCut):  # alone or in a group
            await super().asgi_app(scope, receive, send)

    async def handle_request(self, request: Request) -> ResponseTypes:
        assert isinstance(request, RestRequest)  # noqa: S101 -- request_class says so; the type checker cannot see it
        with request_scope(request.log_scope) as scope, _span_of(request) as spanned:
            response = await super().handle_request(request)
            spanned.rename(f"{request.method} {request.route}")
            spanned.note("status", response.status_code)
        response.headers["X-Request-ID"] = scope.request_id
        if request.applied_wait_seconds is not None:
            response.headers["Preference-Applied"] = f"wait={request.applied_wait_seconds:g}"
        return response

    async def handle_websocket(self, websocket: Websocket) -> ResponseTypes | None:
        """Nothing here speaks WebSocket."""
        return self.response_class("", 404)


def _span_of(request: RestRequest) -> AbstractContextManager[Span]:
    """A span for what callers ask; none for probes, metrics and documents."""
    return request_span(request.method, request.log_scope) if request.path.startswith("/api/") else NO_SPAN


def create_app(dependencies: RestDependencies) -> Quart:
    """The REST face as an ASGI application. Opens nothing and starts nothing."""
    app = RestApp(__name__, static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["RESPONSE_TIMEOUT"] = None  # how long a reader may take is bounded at its connection
    app.url_map.merge_slashes = False
    app.register_error_handler(Exception, ErrorHandler(dependencies.metrics, dependencies.trusted_proxies).answer)
    for route in routes(dependencies):
        _add(app, route)
    return app


def routes(given: RestDependencies) -> Iterator[Route]:
    """Everything that is answered."""
    for action_type in CATALOGUE:
        yield Route(action_type.rest.method, action_type.rest.path, action_view(action_type, given))
    yield Route("POST", "/api/v1/token", token_view(given))
    yield Route("GET", "/api/v1/actions", page_view(given))
    yield Route("GET", EXPORT_PATH, export_view(given))
    yield Route("GET", "/api/v1/actions/{action_id}", row_view(given))
    yield Route("GET", "/api/v1/limits", limits_view(given))
    yield Route("GET", "/", document_view(index_document(given), JSON))
    yield Route("GET", "/health", health_view(given))
    yield Route("GET", "/health/live", live_view(given))
    yield Route("GET", "/health/ready", ready_view(given))
    yield Route("GET", "/metrics", metrics_view(given))
    document = openapi_document(given.module_version)
    yield Route("GET", "/openapi.json", document_view(orjson.dumps(document), JSON))
    yield Route("GET", "/docs", document_view(docs_page(document), "text/html; charset=utf-8", DOCS_HEADERS))
    yield Route("GET", "/docs/{file}", docs_file_view())


def _add(app: Quart, route: Route) -> None:
    rule = route.path.replace("{", "<").replace("}", ">")
    endpoint = f"{route.method} {route.path}".replace(".", "_")  # a dot would name a blueprint
    app.add_url_rule(rule, endpoint, route.view, methods=[route.method])

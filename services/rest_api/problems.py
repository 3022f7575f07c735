"""A failure as REST writes it: application/problem+json, https://www.rfc-editor.org/rfc/rfc9457."""

import math
from collections.abc import Sequence
from typing import Any, Final

from quart import Response
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod

from services.errors import (
    ActionError,
    DeadlineExceeded,
    ErrorCode,
    Failure,
    Internal,
    InvalidArgument,
    MethodNotAllowed,
    NotFound,
    OutcomeKind,
    PayloadTooLarge,
    UnsupportedMediaType,
    describe,
)
from services.rest_api.addresses import Network, client_address
from services.rest_api.dependencies import RequestMetrics
from services.rest_api.request import RestRequest, current_request
from services.rest_api.responses import PROBLEM_JSON, json_response, present
from services.telemetry import get_logger

TYPE_PREFIX: Final = "urn:discord-action:error:"
CHALLENGE: Final = 'Bearer realm="discord-action"'

log = get_logger(__name__)

FRAMEWORK_ERRORS: Final[dict[int, ActionError]] = {
    404: NotFound("There is no such path."),
    405: MethodNotAllowed("The path does not know this method."),
    408: DeadlineExceeded("The request did not arrive in time."),
    413: PayloadTooLarge("The request is too large."),
    415: UnsupportedMediaType("The body must be application/json."),
}


def problem(failure: Failure, request_id: str) -> dict[str, Any]:
    """The body: RFC 9457's members, then ours; what there is not to say is left out."""
    discord, errors = failure.discord, [{"pointer": v.pointer, "detail": v.detail} for v in failure.violations]
    return present(
        {
            "type": TYPE_PREFIX + failure.code.slug,
            "title": failure.code.title,
            "status": failure.code.http_status,
            "detail": failure.detail,
            "success": False,
            "error": failure.detail,
            "code": failure.code.slug,
            "outcome": failure.outcome.value,
            "retryable": failure.is_retryable,
            "retry_after": _rounded(failure.retry_after_seconds),
            "request_id": request_id,
            "action_id": failure.action_id,
            "errors": errors or None,
            "discord": {"status": discord.status, "code": discord.code} if discord else None,
        }
    )


def problem_response(failure: Failure, request: RestRequest, allow: str | None = None) -> Response:
    """The answer to a request that failed. `allow` names the methods the path knows."""
    body = problem(failure, request.log_scope.request_id)
    return json_response(body, failure.code.http_status, _headers(failure, request, allow), PROBLEM_JSON)


def _headers(failure: Failure, request: RestRequest, allow: str | None) -> dict[str, str]:
    headers: dict[str, str] = {}
    if failure.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(math.ceil(failure.retry_after_seconds), 0))
    if failure.code is ErrorCode.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="invalid_token"' if request.bearer_token else CHALLENGE
    if failure.replayed:
        headers["Idempotency-Replayed"] = "true"
    if allow:
        headers["Allow"] = allow
    if request.must_close:
        headers["Connection"] = "close"
    return headers


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(max(seconds, 0.0), 3)


class ErrorHandler:
    """The one place where an exception becomes an answer."""

    def __init__(self, metrics: RequestMetrics, trusted_proxies: Sequence[Network] = ()) -> None:
        self._metrics = metrics
        self._trusted_proxies = trusted_proxies

    async def answer(self, exc: Exception) -> Response:
        """The problem an exception is answered with. Logs the cause of what was not foreseen."""
        request = current_request()
        error = _own_error(exc)
        failure = _failure(error, request)
        if not isinstance(error, ActionError):
            # Quart awaits this inside its `except`, so the exception is at hand.
            log.exception("request failed", method=request.method, route=request.route)  # noqa: LOG004
        elif not request.has_reached_service:
            _log_refusal(failure, request, client_address(request, self._trusted_proxies))
        if not request.has_reached_service:
            self._metrics.rejected_request("rest", failure.code.slug)
        return problem_response(failure, request, _allowed_methods(exc))


def _log_refusal(failure: Failure, request: RestRequest, address: str) -> None:
    """A request that never became an action leaves no row; this line and a counter are all there is of it."""
    log.refused(
        "request refused",
        code=failure.code.slug,
        result=failure.outcome.value,
        detail=failure.detail_for_log,
        method=request.method,
        route=request.route,
        client_address=address,
    )


def _failure(error: Exception, request: RestRequest) -> Failure:
    """What was not foreseen once the service had the request may have happened."""
    if request.has_reached_service and not isinstance(error, ActionError):
        return Internal(OutcomeKind.UNKNOWN).failure
    return describe(error)


def _own_error(exc: Exception) -> Exception:
    """The exception in our terms, where it is the framework's."""
    if isinstance(exc, InternalServerError):
        return exc.original_exception if isinstance(exc.original_exception, Exception) else exc
    if not isinstance(exc, HTTPException):
        return exc
    known = FRAMEWORK_ERRORS.get(exc.code or 0)
    return known or InvalidArgument(detail="The request cannot be read.")


def _allowed_methods(exc: Exception) -> str | None:
    if not isinstance(exc, NoSuchMethod):
        return None
    return ", ".join(sorted(set(exc.valid_methods or ())))

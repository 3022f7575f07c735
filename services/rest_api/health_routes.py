"""How the module is, for load balancers, Prometheus and people. None of these asks for a token."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from quart import Response

from services.rest_api.action_routes import View
from services.rest_api.dependencies import CheckResult, HealthStatus, RestDependencies
from services.rest_api.responses import NOT_STORED, bytes_response, json_response, present
from services.telemetry import CONTENT_TYPE

SERVING: Final = 200
NOT_SERVING: Final = 503


def health_view(given: RestDependencies) -> View:
    """The view of the module as a whole."""

    async def view() -> Response:
        summary = await given.health.summary()
        content = {
            "status": summary.status,
            "module": given.module_name,
            "version": given.module_version,
            "timestamp": datetime.now(UTC),
            "checks": _checks(summary.checks),
        }
        return json_response(content, _status(summary.status is not HealthStatus.UNHEALTHY), NOT_STORED)

    return view


def live_view(given: RestDependencies) -> View:
    """The view that says whether to restart this process; answered by the loop alone."""

    async def view() -> Response:
        is_live = given.health.live()
        return json_response({"status": "live" if is_live else "dead"}, _status(is_live), NOT_STORED)

    return view


def ready_view(given: RestDependencies) -> View:
    """The view that says whether to send requests here."""

    async def view() -> Response:
        readiness = await given.health.ready()
        content = {
            "status": "ready" if readiness.is_ready else "not_ready",
            "checks": _checks(readiness.checks),
        }
        return json_response(content, _status(readiness.is_ready), NOT_STORED)

    return view


def metrics_view(given: RestDependencies) -> View:
    """The view Prometheus reads."""

    async def view() -> Response:
        return bytes_response(await given.metrics.page(), CONTENT_TYPE, NOT_STORED)

    return view


def _checks(checks: Mapping[str, CheckResult]) -> dict[str, Any]:
    return {name: present({"ok": check.is_ok, "detail": check.detail or None}) for name, check in checks.items()}


def _status(is_serving: bool) -> int:  # noqa: FBT001 -- one claim in, one status out
    return SERVING if is_serving else NOT_SERVING

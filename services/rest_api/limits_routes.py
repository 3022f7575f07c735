"""Discord's limits as they are kept now. They tell which channels are busy, so they need a scope."""

from quart import Response

from services.errors import PermissionDenied
from services.ports import Scope
from services.rest_api.action_routes import View
from services.rest_api.dependencies import RestDependencies
from services.rest_api.request import current_request
from services.rest_api.responses import NOT_STORED, json_response


def limits_view(given: RestDependencies) -> View:
    """The view of the limiter and of the guards before Discord."""

    async def view() -> Response:
        caller = await given.authenticator.authenticate(current_request().bearer_token)
        if not caller.holds(Scope.LIMITS_READ):
            raise PermissionDenied(f"The token lacks the scope {Scope.LIMITS_READ.value}.")
        return json_response(given.limits.describe(), headers=NOT_STORED)

    return view

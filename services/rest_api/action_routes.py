"""One view for every action of the catalogue."""

from collections.abc import Awaitable, Callable
from typing import Final

from quart import Response

from services.actions import Action
from services.discord_service import Performed
from services.errors import Violation
from services.rest_api.body import read_fields, read_optional_fields
from services.rest_api.conditions import conditions_of
from services.rest_api.dependencies import RestDependencies
from services.rest_api.request import current_request
from services.rest_api.responses import json_response

type View = Callable[..., Awaitable[Response]]

MISPLACED: Final = "belongs in the path, not in the body"
REPLAYED: Final = {"Idempotency-Replayed": "true"}


def action_view(action_type: type[Action], given: RestDependencies) -> View:
    """The view that carries out `action_type`: who asks, how, what; then the service."""
    read = read_optional_fields if action_type.rest.method == "DELETE" else read_fields

    async def view(**path_fields: str) -> Response:
        request = current_request()
        caller = await given.authenticator.authenticate(request.bearer_token)
        conditions = conditions_of(request, given.deadlines)
        fields = await read(request, conditions.request.deadline)
        repeated = [Violation((name,), MISPLACED) for name in path_fields if name in fields]
        action = conditions.parse(action_type, fields | path_fields, repeated)
        request.has_reached_service = True
        return _answer(await given.service.perform(action, caller, conditions.request))

    return view


def _answer(performed: Performed) -> Response:
    content = {"success": True, **performed.outcome.model_dump(), "action_id": performed.action_id}
    return json_response(content, headers=REPLAYED if performed.replayed else None)

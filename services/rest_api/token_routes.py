"""Tokens for registered clients."""

from typing import Any, Final

from quart import Response

from services.errors import ActionError, InvalidArgument, Violation
from services.rest_api.action_routes import View
from services.rest_api.addresses import client_address
from services.rest_api.body import read_fields
from services.rest_api.conditions import conditions_of
from services.rest_api.dependencies import RestDependencies
from services.rest_api.request import current_request
from services.rest_api.responses import NOT_STORED, json_response
from services.telemetry import Event, get_logger

CREDENTIALS: Final = ("client_id", "client_secret")
LONGEST_CREDENTIAL: Final = 255

log = get_logger(__name__)


def token_view(given: RestDependencies) -> View:
    """The view that exchanges a client's secret for a token."""

    async def view() -> Response:
        request = current_request()
        conditions = conditions_of(request, given.deadlines)
        conditions.check()
        fields = await read_fields(request, conditions.request.deadline)
        _check(fields)
        client_id, address = fields["client_id"], client_address(request, given.trusted_proxies)
        try:
            issued = await given.tokens.issue_token(client_id, fields["client_secret"], address)
        except ActionError as exc:
            log.refused(
                "token refused", code=exc.code.slug, event=Event.AUTH, claimed_client=client_id, client_address=address
            )
            raise
        log.info("token issued", event=Event.AUTH, caller=client_id, result="issued", client_address=address)
        return json_response({"token": issued.token, "expires_in": issued.expires_in}, headers=NOT_STORED)

    return view


def _check(fields: dict[str, Any]) -> None:
    unknown = [Violation((name,), "is not a field of this request") for name in fields if name not in CREDENTIALS]
    bad = [Violation((name,), detail) for name in CREDENTIALS if (detail := _bound_broken(fields.get(name)))]
    if bad or unknown:
        raise InvalidArgument([*bad, *unknown])


def _bound_broken(value: object) -> str | None:
    if value is None or value == "":
        return "is required"
    if not isinstance(value, str):
        return "must be a string"
    is_sound = len(value) <= LONGEST_CREDENTIAL and value.isprintable()
    return None if is_sound else f"must be at most {LONGEST_CREDENTIAL} printable characters"

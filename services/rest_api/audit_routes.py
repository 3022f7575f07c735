"""Reading the record. Without the scope audit:read a caller sees what it did itself, and nothing says there is more."""

import re
from dataclasses import replace
from typing import Final

from quart import Response

from services.errors import NotFound, PermissionDenied
from services.ports import ActionFilter, Caller, Scope
from services.rest_api.action_routes import View
from services.rest_api.audit_filter import read_page_request
from services.rest_api.dependencies import RestDependencies
from services.rest_api.request import current_request
from services.rest_api.responses import NOT_STORED, json_response

ACTION_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def page_view(given: RestDependencies) -> View:
    """The view of the rows that match a filter, newest first."""

    async def view() -> Response:
        request = current_request()
        caller = await given.authenticator.authenticate(request.bearer_token)
        asked = read_page_request(request.query_string)
        page = await given.audit.page(_visible(asked.wanted, caller), asked.limit, asked.cursor)
        return json_response({"actions": page.rows, "next_cursor": page.next_cursor}, headers=NOT_STORED)

    return view


def row_view(given: RestDependencies) -> View:
    """The view of one action's row."""

    async def view(action_id: str) -> Response:
        caller = await given.authenticator.authenticate(current_request().bearer_token)
        row = await given.audit.one(action_id) if ACTION_ID.fullmatch(action_id) else None
        if row is None or not _may_see(caller, row.client_id):
            raise NotFound("There is no action with this id.")
        return json_response(row, headers=NOT_STORED)

    return view


def _visible(wanted: ActionFilter, caller: Caller) -> ActionFilter:
    if caller.holds(Scope.AUDIT_READ):
        return wanted
    if not _may_see(caller, wanted.client_id or caller.client_id):
        raise PermissionDenied(f"Another client's actions need the scope {Scope.AUDIT_READ.value}.")
    return replace(wanted, client_id=caller.client_id)


def _may_see(caller: Caller, client_id: str | None) -> bool:
    return caller.holds(Scope.AUDIT_READ) or client_id == caller.client_id

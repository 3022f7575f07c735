"""Reading the record, page by page or row by row."""

import re
from typing import Final

from quart import Response

from services.errors import NotFound
from services.rest_api.action_routes import View
from services.rest_api.audit_filter import read_page_request
from services.rest_api.audit_sight import may_see, seen_by
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
        page = await given.audit.page(seen_by(caller, asked.wanted), asked.limit, asked.cursor)
        return json_response({"actions": page.rows, "next_cursor": page.next_cursor}, headers=NOT_STORED)

    return view


def row_view(given: RestDependencies) -> View:
    """The view of one action's row."""

    async def view(action_id: str) -> Response:
        caller = await given.authenticator.authenticate(current_request().bearer_token)
        row = await given.audit.one(action_id) if ACTION_ID.fullmatch(action_id) else None
        if row is None or not may_see(caller, row):
            raise NotFound("There is no row of an action with this id. It is there within a second of the answer.")
        return json_response(row, headers=NOT_STORED)

    return view

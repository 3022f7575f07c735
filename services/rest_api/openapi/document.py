"""The document as a whole."""

from typing import Any, Final

from services.actions import CATALOGUE
from services.rest_api.openapi.errors import error_components
from services.rest_api.openapi.operations import action_operation, other_operations
from services.rest_api.openapi.parameters import header_parameters, headers_out
from services.rest_api.openapi.schemas import schemas

TITLE: Final = "Discord Action Module"
LICENSE: Final = "Limited AGPL3 with contributor employer exception"
DESCRIPTION: Final = (
    "Discord actions, inside Discord's limits and on the record. An unknown field is refused; a field that is null, "
    "an empty text or an empty list counts as left out. Ids are texts of digits. A failure says in `code` what it is, "
    "in `outcome` what became of the action, and in `retryable` whether the same request may be sent again."
)
TAGS: Final = {
    "messages": "Posting, editing and deleting messages.",
    "reactions": "Reactions to messages.",
    "roles": "Members' roles.",
    "webhooks": "Creating webhooks and posting through them.",
    "moderation": "Kicks, bans and timeouts.",
    "tokens": "Bearer tokens for registered clients.",
    "audit": "The record of every action.",
    "operation": "Health, metrics and this document.",
}


def openapi_document(version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of this release, as plain JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": DESCRIPTION, "license": {"name": LICENSE}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": _paths(),
        "components": {
            "schemas": schemas(),
            "parameters": header_parameters(),
            "headers": headers_out(),
            "responses": error_components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for action_type in CATALOGUE:
        rest = action_type.rest
        paths.setdefault(rest.path, {})[rest.method.lower()] = action_operation(action_type)
    for (path, method), operation in other_operations().items():
        paths.setdefault(path, {})[method] = operation
    return paths

"""Headers in and out, and the parameters of the audit log."""

from typing import Any, Final

from services.actions import AUDIT_NAMES, Action
from services.record_filter import ERROR_CODES, LONGEST_CLIENT_ID, OUTCOMES
from services.rest_api.audit_filter import DEFAULT_LIMIT, LARGEST_LIMIT, LONGEST_CURSOR
from services.rest_api.openapi.schemas import STRING, Schema, path_field_schema

SNOWFLAKE: Final = {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"}
TIME: Final = {"type": "string", "format": "date-time"}

ACTION_HEADERS: Final[dict[str, tuple[Schema, str]]] = {
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "Printable ASCII, the same for every repeat of a request: it is carried out once, and repeats get its answer.",
    ),
    "X-Priority": (
        {"enum": ["normal", "bulk"], "default": "normal"},
        "Bulk requests wait behind the others. Moderation goes first by itself.",
    ),
    "Prefer": (
        {"type": "string", "maxLength": 256, "examples": ["wait=10"]},
        "`wait=<seconds>` (RFC 7240): how long you will wait, MAX_WAIT if it is more. Other preferences are ignored.",
    ),
}
TRACE_HEADERS: Final[dict[str, tuple[Schema, str]]] = {
    "X-Request-ID": (
        STRING,
        "The request's id in logs, answers and the audit log, cut at 128 characters; one is made where it is missing.",
    ),
    "X-Correlation-ID": (STRING, "Read where X-Request-ID is missing."),
    "traceparent": (STRING, "https://www.w3.org/TR/trace-context/"),
}
REVALIDATION_HEADERS: Final[dict[str, tuple[Schema, str]]] = {
    "If-None-Match": (STRING, "The ETag of what you have; answered with 304 while it is still the same."),
}
HEADERS_OUT: Final[dict[str, tuple[Schema, str]]] = {
    "X-Request-ID": (STRING, "The request's id."),
    "Idempotency-Replayed": ({"const": "true"}, "The answer is that of an earlier request with the same key."),
    "Preference-Applied": (
        {"type": "string", "examples": ["wait=10"]},
        "The wait that holds, where one was asked for.",
    ),
    "Retry-After": ({"type": "integer", "minimum": 0}, "Seconds, rounded up."),
    "ETag": (STRING, "The tag of this content, for If-None-Match."),
    "WWW-Authenticate": (STRING, "The challenge of RFC 6750."),
}
FILTER_PARAMETERS: Final[dict[str, tuple[Schema, str]]] = {
    "action": ({"enum": list(AUDIT_NAMES)}, "Only this type of action."),
    "guild_id": (SNOWFLAKE, "Only actions in this guild."),
    "channel_id": (SNOWFLAKE, "Only actions in this channel."),
    "user_id": (SNOWFLAKE, "Only actions on this user."),
    "client_id": (
        {"type": "string", "minLength": 1, "maxLength": LONGEST_CLIENT_ID},
        "Only this caller's actions; another's need the scope audit:read.",
    ),
    "success": ({"type": "boolean"}, "Only delivered actions, or only the others."),
    "outcome": ({"enum": list(OUTCOMES)}, "Only actions that ended so."),
    "error_code": ({"enum": list(ERROR_CODES)}, "Only actions that failed with this code."),
    "since": (TIME, "ISO 8601, inclusive; without a zone it is UTC."),
    "until": (TIME, "ISO 8601, exclusive; without a zone it is UTC."),
}
PAGE_PARAMETERS: Final[dict[str, tuple[Schema, str]]] = {
    "limit": (
        {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
        "Rows in one answer.",
    ),
    "cursor": (
        {"type": "string", "minLength": 1, "maxLength": LONGEST_CURSOR},
        "The next_cursor of the answer before, with the same filters.",
    ),
}


def header_parameters() -> dict[str, Any]:
    """The headers a request may carry, as components."""
    return {
        name: _parameter(name, "header", schema, description)
        for name, (schema, description) in (ACTION_HEADERS | TRACE_HEADERS | REVALIDATION_HEADERS).items()
    }


def header_references(*groups: dict[str, tuple[Schema, str]]) -> list[dict[str, str]]:
    """References to the headers of these groups."""
    return [{"$ref": f"#/components/parameters/{name}"} for group in groups for name in group]


def headers_out() -> dict[str, Any]:
    """The headers an answer may carry, as components."""
    return {name: {"schema": schema, "description": text} for name, (schema, text) in HEADERS_OUT.items()}


def header_out_references(*names: str) -> dict[str, Any]:
    """References to headers of an answer."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def query_parameters(*groups: dict[str, tuple[Schema, str]]) -> list[dict[str, Any]]:
    """The parameters of these groups, in a query string."""
    return [_parameter(name, "query", schema, text) for group in groups for name, (schema, text) in group.items()]


def path_parameters(action_type: type[Action]) -> list[dict[str, Any]]:
    """The fields of an action that stand in its path."""
    found = []
    for name in action_type.rest.path_fields:
        schema = dict(path_field_schema(action_type, name))
        found.append(_parameter(name, "path", schema, schema.pop("description", "")) | {"required": True})
    return found


def _parameter(name: str, place: str, schema: Schema, description: str) -> dict[str, Any]:
    return {"name": name, "in": place, "description": description, "schema": schema}

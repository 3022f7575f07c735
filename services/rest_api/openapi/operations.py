"""The operations: one for every action, and those that are written by hand."""

from typing import Any, Final

from services.actions import Action
from services.rest_api.documents import DOCS_FILES
from services.rest_api.openapi.errors import error_references
from services.rest_api.openapi.examples import example_fields, example_outcome, operation_id
from services.rest_api.openapi.parameters import (
    ACTION_HEADERS,
    FILTER_PARAMETERS,
    PAGE_PARAMETERS,
    REVALIDATION_HEADERS,
    TRACE_HEADERS,
    header_out_references,
    header_references,
    path_parameters,
    query_parameters,
)
from services.rest_api.openapi.repeats import REPEATS
from services.rest_api.openapi.schemas import STRING, Schema, outcome_name, reference
from services.rest_api.responses import JSON, NDJSON

type Operation = dict[str, Any]

NO_TOKEN: Final[list[Any]] = []
SEEN: Final = (
    "Without the scope `audit:read` a caller sees its own actions only. A token that is limited to guilds or channels "
    "sees what happened there."
)


def action_operation(action_type: type[Action]) -> Operation:
    """The operation of an action."""
    summary, _, rest = (action_type.__doc__ or "").strip().partition("\n")
    headers = header_references(ACTION_HEADERS, TRACE_HEADERS)
    operation = {
        "operationId": operation_id(action_type),
        "tags": [resource(action_type)],
        "summary": summary,
        "description": _description(action_type, rest),
        "parameters": [*path_parameters(action_type), *headers],
        "requestBody": _action_body(action_type),
        "responses": {"200": _action_answer(action_type), **error_references("Action")},
        "x-scope": action_type.scope.value,
        "x-discord-permission": action_type.permission,
        "x-repeat": action_type.repeat.value,
    }
    return {name: value for name, value in operation.items() if value is not None}


def resource(action_type: type[Action]) -> str:
    """The Discord resource an action belongs to."""
    return action_type.__module__.rpartition(".")[2]


def _description(action_type: type[Action], rest: str) -> str:
    refusals = ", ".join(f"`{code.slug}`" for code in action_type.refusals)
    paragraphs = (
        " ".join(rest.split()),
        f"Scope: `{action_type.scope.value}`. The bot needs: {action_type.permission}.",
        REPEATS[action_type.repeat],
        f"Discord usually refuses it with {refusals}.",
    )
    return "\n\n".join(filter(None, paragraphs))


def _action_body(action_type: type[Action]) -> dict[str, Any] | None:
    in_path = action_type.rest.path_fields
    fields = {name: value for name, value in example_fields(action_type).items() if name not in in_path}
    if not set(action_type.model_fields) - set(in_path):
        return None
    return _body(reference(action_type.rpc()), fields)


def _body(schema: Schema, example: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def _action_answer(action_type: type[Action]) -> dict[str, Any]:
    content = {JSON: {"schema": reference(outcome_name(action_type)), "example": example_outcome(action_type)}}
    headers = header_out_references("X-Request-ID", "Idempotency-Replayed", "Preference-Applied")
    return {"description": "Done.", "headers": headers, "content": content}


def other_operations() -> dict[tuple[str, str], Operation]:
    """The operations that are no actions, by path and method."""
    return {
        ("/api/v1/token", "post"): _issue_token(),
        ("/api/v1/actions", "get"): _list_actions(),
        ("/api/v1/actions/export", "get"): _export_actions(),
        ("/api/v1/actions/{action_id}", "get"): _get_action(),
        ("/api/v1/limits", "get"): _get_limits(),
        ("/", "get"): _index(),
        ("/health", "get"): _health("get_health", "How the module is.", "Health"),
        ("/health/live", "get"): _health("get_live", "Whether this process works at all.", "Live"),
        ("/health/ready", "get"): _health("get_ready", "Whether this instance takes requests.", "Ready"),
        ("/metrics", "get"): _fixed("get_metrics", "What Prometheus reads.", "text/plain"),
        ("/openapi.json", "get"): _kept(_fixed("get_openapi", "This document.", JSON)),
        ("/docs", "get"): _kept(_fixed("get_docs", "This document as a page to read and to try.", "text/html")),
        ("/docs/{file}", "get"): _docs_file(),
    }


def _issue_token() -> Operation:
    example = {"client_id": "router", "client_secret": "SECRET"}
    return {
        "operationId": "issue_token",
        "tags": ["tokens"],
        "summary": "Exchanges a registered client's secret for a bearer token.",
        "security": NO_TOKEN,
        "parameters": header_references(TRACE_HEADERS),
        "requestBody": _body(reference("TokenRequest"), example),
        "responses": {"200": _answer("A token.", reference("IssuedToken")), **error_references("Token")},
    }


def _list_actions() -> Operation:
    return {
        "operationId": "list_actions",
        "tags": ["audit"],
        "summary": "Reads the audit log, newest first.",
        "description": SEEN,
        "parameters": [*query_parameters(FILTER_PARAMETERS, PAGE_PARAMETERS), *header_references(TRACE_HEADERS)],
        "responses": {"200": _answer("A page of rows.", reference("ActionPage")), **error_references("Page")},
    }


def _export_actions() -> Operation:
    told = (
        "Every row there is when the export begins, oldest first, one JSON object a line. A stream that ends without "
        "its end (a connection closed before the last chunk) is not whole: ask again with `since`. Rows may be "
        "written late, after an outage: let `since` overlap, and pass over each `action_id` you have. Needs HTTP/1.1 "
        "or later; a few run at once."
    )
    return {
        "operationId": "export_actions",
        "tags": ["audit"],
        "summary": "Streams the audit log as NDJSON, oldest first.",
        "description": f"{told}\n\n{SEEN}",
        "parameters": [*query_parameters(FILTER_PARAMETERS), *header_references(TRACE_HEADERS)],
        "responses": {
            "200": _answer("Rows, one a line.", reference("ActionRow"), NDJSON),
            **error_references("Export"),
        },
    }


def _get_action() -> Operation:
    action_id = {"name": "action_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    return {
        "operationId": "get_action",
        "tags": ["audit"],
        "summary": "Reads one action's row.",
        "description": f"{SEEN} Any other action is not found.",
        "parameters": [action_id, *header_references(TRACE_HEADERS)],
        "responses": {"200": _answer("The row.", reference("ActionRow")), **error_references("Row")},
    }


def _get_limits() -> Operation:
    told = (
        "The lanes that are waited for or were used last, the token's requests per second, the budget of invalid "
        "requests of the address, pauses and circuits, and whether replicas share all that. Seconds are from now on."
        "\n\nScope: `limits:read`."
    )
    return {
        "operationId": "get_limits",
        "tags": ["operation"],
        "summary": "Reads Discord's limits as they are kept now.",
        "description": told,
        "parameters": header_references(TRACE_HEADERS),
        "responses": {"200": _answer("The limits.", reference("Limits")), **error_references("Limits")},
    }


def _index() -> Operation:
    summary = "What this is, and where its pages are."
    return _kept(_open("get_index", summary, {"200": _answer(summary, reference("Index"))}))


def _health(name: str, summary: str, schema: str) -> Operation:
    answers = {"200": _answer("Yes.", reference(schema)), "503": _answer("No.", reference(schema))}
    return _open(name, summary, answers)


def _fixed(name: str, summary: str, media_type: str) -> Operation:
    schema: Schema = {"type": "object"} if media_type == JSON else STRING
    return _open(name, summary, {"200": _answer(summary, schema, media_type)})


def _docs_file() -> Operation:
    operation = _fixed("get_docs_file", "A script, a style sheet or a licence of the page.", "text/plain")
    scripts = {media_type: {"schema": STRING} for media_type in ("text/javascript", "text/css")}
    operation["responses"]["200"]["content"] |= scripts
    operation["responses"] |= error_references("File")
    file = {"name": "file", "in": "path", "required": True, "schema": {"enum": list(DOCS_FILES)}}
    operation["parameters"].insert(0, file)
    return _kept(operation)


def _kept(operation: Operation) -> Operation:
    """The operation of a document that readers keep and ask about."""
    operation["parameters"] += header_references(REVALIDATION_HEADERS)
    operation["responses"]["200"]["headers"] |= header_out_references("ETag")
    headers = header_out_references("X-Request-ID", "ETag")
    operation["responses"]["304"] = {"description": "It is the same as what you have.", "headers": headers}
    return operation


def _open(name: str, summary: str, answers: dict[str, Any]) -> Operation:
    return {
        "operationId": name,
        "tags": ["operation"],
        "summary": summary,
        "security": NO_TOKEN,
        "parameters": header_references(TRACE_HEADERS),
        "responses": answers | error_references("Open"),
    }


def _answer(description: str, schema: Schema, media_type: str = JSON) -> dict[str, Any]:
    headers = header_out_references("X-Request-ID")
    return {"description": description, "headers": headers, "content": {media_type: {"schema": schema}}}

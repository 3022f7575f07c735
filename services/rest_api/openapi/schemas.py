"""The schemas: requests and outcomes from their classes, the rest written here."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from services.actions import CATALOGUE, Action
from services.errors import ErrorCode, OutcomeKind
from services.ports import ActionRow
from services.rest_api.dependencies import HealthStatus
from services.rest_api.index import LINKS

type Schema = dict[str, Any]

REFERENCE: Final = "#/components/schemas/{model}"
STRING: Final = {"type": "string"}

NULL: Final = {"type": "null"}
ABOUT: Final = frozenset({"description", "default", "examples"})
"""What is said of a field whatever form its value has."""

UNSAID_DEFAULTS: Final[tuple[object, ...]] = ("", None, [])
"""Defaults that only mean "left out"."""


def reference(name: str) -> Schema:
    """A reference to a schema of this document."""
    return {"$ref": REFERENCE.format(model=name)}


def schemas() -> dict[str, Schema]:
    """Every schema, by name."""
    found: dict[str, Schema] = {}
    for action_type in CATALOGUE:
        found |= request_schemas(action_type)
        found[outcome_name(action_type)] = _outcome_schema(action_type.outcome_type)
    return found | _other_schemas()


def request_schemas(action_type: type[Action]) -> dict[str, Schema]:
    """The body of an action and what it is made of; no body is left where the path has every field."""
    whole = _tidied(action_type.model_json_schema(ref_template=REFERENCE))
    found: dict[str, Schema] = whole.pop("$defs", {})
    in_path = action_type.rest.path_fields
    whole["properties"] = {name: field for name, field in whole["properties"].items() if name not in in_path}
    whole["required"] = [name for name in whole["required"] if name not in in_path]
    if whole["properties"]:
        found[action_type.rpc()] = whole
    return {name: _with_null_for_absent(schema) for name, schema in found.items()}


def _with_null_for_absent(schema: Schema) -> Schema:
    """A group of fields where null says that an optional field is left out."""
    required = schema.get("required", ())
    fields = {name: field if name in required else _or_null(field) for name, field in schema["properties"].items()}
    return schema | {"properties": fields}


def _or_null(field: Schema) -> Schema:
    whole = {name: value for name, value in field.items() if name not in ABOUT}
    options = [whole] if "type" in whole else whole.get("anyOf", [whole])
    about = {name: value for name, value in field.items() if name in ABOUT}
    return {"anyOf": [*options, *([] if NULL in options else [NULL])]} | about


def path_field_schema(action_type: type[Action], name: str) -> Schema:
    """The schema of a field that stands in the path."""
    schema: Schema = _tidied(action_type.model_json_schema())["properties"][name]
    return schema


def outcome_name(action_type: type[Action]) -> str:
    """The name of the schema of an action's answer."""
    return action_type.outcome_type.__name__


def _outcome_schema(outcome_type: type[BaseModel]) -> Schema:
    own = _tidied(outcome_type.model_json_schema(ref_template=REFERENCE))
    properties = {
        "success": {"const": True},
        **own.get("properties", {}),
        "action_id": {"type": "string", "format": "uuid", "description": "The action's id in the audit log."},
    }
    return _object(properties, own["description"])


def _tidied(schema: Any) -> Any:
    """Without the titles pydantic makes up, and without defaults that say nothing."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {name: _tidied(value) for name, value in schema.items() if not _is_noise(name, value)}


def _is_noise(name: str, value: object) -> bool:
    return (name == "title" and isinstance(value, str)) or (name == "default" and value in UNSAID_DEFAULTS)


def _object(properties: Schema, description: str, required: list[str] | None = None) -> Schema:
    names = list(properties) if required is None else required
    return {"type": "object", "description": description, "properties": properties, "required": names}


def _other_schemas() -> dict[str, Schema]:
    row = _tidied(TypeAdapter(ActionRow).json_schema())
    return {
        "Problem": _problem(),
        "TokenRequest": _token_request(),
        "IssuedToken": _object(
            {"token": STRING, "expires_in": {"type": "integer", "description": "Seconds."}}, "A bearer token."
        ),
        "ActionRow": row,
        "ActionPage": _action_page(),
        "Limits": _limits(),
        "Index": _index(),
        "Health": _health(),
        "Live": _status_object("live", "dead"),
        "Ready": _with_checks(_status_object("ready", "not_ready")),
    }


def _problem() -> Schema:
    errors = {"type": "array", "items": _object({"pointer": STRING, "detail": STRING}, "One bad field.")}
    discord = _object({"status": {"type": "integer"}, "code": {"type": "integer"}}, "Discord's own words.")
    properties = {
        "type": {"type": "string", "format": "uri"},
        "title": STRING,
        "status": {"type": "integer"},
        "detail": STRING,
        "success": {"const": False},
        "error": {"type": "string", "description": "The same as detail."},
        "code": {"enum": [code.slug for code in ErrorCode]},
        "outcome": {"enum": [kind.value for kind in OutcomeKind]},
        "retryable": {"type": "boolean", "description": "Whether the same request may be sent again without risk."},
        "retry_after": {"type": "number", "description": "Seconds."},
        "request_id": STRING,
        "action_id": {"type": "string", "format": "uuid"},
        "errors": errors,
        "discord": discord,
    }
    optional = {"retry_after", "action_id", "errors", "discord"}
    required = [name for name in properties if name not in optional]
    return _object(properties, "A failure, as RFC 9457 writes it.", required)


def _token_request() -> Schema:
    credential = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
    properties = {"client_id": credential, "client_secret": credential}
    return _object(properties, "A registered client's name and secret.") | {"additionalProperties": False}


def _action_page() -> Schema:
    cursor = {"type": ["string", "null"], "description": "What `cursor` takes for the next page; null at the end."}
    properties = {"actions": {"type": "array", "items": reference("ActionRow")}, "next_cursor": cursor}
    return _object(properties, "Rows, newest first.")


def _limits() -> Schema:
    anything = {"type": "object"}
    properties = {
        "state": {"enum": ["in_process", "shared", "alone"], "description": "alone: Redis is away, a share is kept."},
        "replicas": {"type": "integer", "description": "Replicas last seen; only with Redis."},
        "lane_count": {"type": "integer"},
        "channel_count": {"type": "integer"},
        "waiting": {"type": "integer", "description": "Requests that wait for a limit."},
        "lanes": {"type": "array", "items": anything, "description": "The most crowded, then the newest; at most 50."},
        "global": anything,
        "pauses": anything,
        "invalid_requests": anything,
        "discord": {"type": "object", "description": "Circuits, quarantined webhooks, places for requests in flight."},
    }
    required = ["state", "lane_count", "channel_count", "waiting", "lanes", "global", "pauses", "invalid_requests"]
    return _object(properties, "Discord's limits as they are kept now.", required)


def _index() -> Schema:
    addresses: Schema = {name: {"type": "string", "format": "uri-reference"} for name in LINKS}
    properties = {"module": STRING, "version": STRING, "links": _object(addresses, "Relative to this address.")}
    return _object(properties, "What this is, and where its pages are.")


def _health() -> Schema:
    properties = {
        "status": {"enum": [status.value for status in HealthStatus]},
        "module": STRING,
        "version": STRING,
        "timestamp": {"type": "string", "format": "date-time"},
    }
    return _with_checks(_object(properties, "How the module is; a degraded one still serves."))


def _status_object(*statuses: str) -> Schema:
    return _object({"status": {"enum": list(statuses)}}, "How this instance is.")


def _with_checks(schema: Schema) -> Schema:
    check = _object({"ok": {"type": "boolean"}, "detail": STRING}, "One thing that was looked at.", ["ok"])
    schema["properties"]["checks"] = {"type": "object", "additionalProperties": check}
    schema["required"].append("checks")
    return schema

"""Writes `API.md` from the catalogue and the error table: `python -m tools.api_md --write`, or `--check`."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from config import ROOT
from services.actions import CATALOGUE, Action
from services.errors import ErrorCode
from services.ports import ActionRow, Scope
from services.rest_api.openapi import REPEATS, example_outcome, openapi_document
from tools import generated
from tools.api_examples import buf_curl, curl, grpcurl, python

TARGET: Final = ROOT / "API.md"
TEMPLATE: Final = ROOT / "tools" / "api_template.md"


def text() -> str:
    """Gives the whole file."""
    schemas = openapi_document("")["components"]["schemas"]
    parts = {
        "contents": _contents(),
        "actions": "\n\n".join(_action(action_type, schemas) for action_type in CATALOGUE),
        "embeds": "\n\n".join(_embed_part(schemas[name]) for name in ("Embed", "EmbedField")),
        "columns": _listed(ActionRow.__dataclass_fields__),
        "scopes": _listed(Scope),
        "errors": _error_table(),
    }
    filled = TEMPLATE.read_text()
    for name, part in parts.items():
        filled = filled.replace(f"<!-- {name} -->", part)
    return filled


def _contents() -> str:
    rows = [
        (f"[{a.rpc()}](#{a.rpc().lower()})", f"`{a.rest.method} {a.rest.path}`", f"`{a.scope.value}`")
        for a in CATALOGUE
    ]
    return _table(("rpc", "REST", "scope"), rows)


def _action(action_type: type[Action], schemas: dict[str, Any]) -> str:
    paragraphs = (action_type.__doc__ or "").strip().split("\n\n")
    rest = action_type.rest
    facts = [
        f"- REST: `{rest.method} {rest.path}`",
        f"- gRPC: `{action_type.rpc()}({action_type.rpc()}Request) → {action_type.rpc()}Response`",
        f"- Scope: `{action_type.scope.value}`",
        f"- The bot needs: {action_type.permission}",
        f"- On the record as: {_listed(action_type.audit_names)}",
        f"- {REPEATS[action_type.repeat]}",
    ]
    return "\n\n".join(
        [
            f"### {action_type.rpc()}",
            *(" ".join(paragraph.split()) for paragraph in paragraphs),
            "\n".join(facts),
            _fields(action_type, schemas),
            _refusals(action_type),
            _curl_and_answer(action_type),
            _over_grpc(action_type),
        ]
    )


def _fields(action_type: type[Action], schemas: dict[str, Any]) -> str:
    whole = action_type.model_json_schema()
    body = schemas.get(action_type.rpc(), {"properties": {}})
    rows = []
    for name, described in whole["properties"].items():
        schema = body["properties"].get(name, described)
        place = "path" if name in action_type.rest.path_fields else "body"
        rows.append((f"`{name}`", _kind(schema), _need(name, whole, schema), place, described["description"]))
    return _table(("field", "type", "needed", "in REST", "meaning"), rows)


def _need(name: str, whole: dict[str, Any], schema: dict[str, Any]) -> str:
    if name in whole.get("required", ()):
        return "yes"
    return f"no, default `{schema['default']}`" if "default" in schema else "no"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"[{schema['$ref'].rpartition('/')[2]}](#embeds)"
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"] if option.get("type") != "null")
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'])}"
    if schema["type"] == "integer":
        return f"integer, {schema['minimum']} to {schema['maximum']}"
    return _text_kind(schema)


def _text_kind(schema: dict[str, Any]) -> str:
    if schema["type"] != "string":
        return str(schema["type"])
    if schema.get("pattern", "").startswith("^[1-9]"):
        return "id"
    if schema.get("format") == "uri":
        return "URL"
    return f"text, at most {schema['maxLength']}" if "maxLength" in schema else "text"


def _refusals(action_type: type[Action]) -> str:
    rows = [(f"`{code.slug}`", str(code.http_status), code.grpc_status, code.mend) for code in action_type.refusals]
    told = "Beside [what can end every action](#failures), Discord usually refuses it with:"
    return f"{told}\n\n" + _table(("code", "HTTP", "gRPC", "what to mend"), rows)


def _curl_and_answer(action_type: type[Action]) -> str:
    answer = json.dumps(example_outcome(action_type), ensure_ascii=False)
    return f"Over REST, with curl, and the answer, `200`:\n\n{curl(action_type)}\n\n```json\n{answer}\n```"


def _over_grpc(action_type: type[Action]) -> str:
    forms = (python(action_type), grpcurl(action_type), buf_curl(action_type))
    return "Over gRPC, in Python, with grpcurl, and with buf:\n\n" + "\n\n".join(forms)


def _embed_part(schema: dict[str, Any]) -> str:
    told = " ".join(schema["description"].split())
    rows = [
        (f"`{name}`", _kind(field), "yes" if name in schema.get("required", ()) else "no", field.get("description", ""))
        for name, field in schema["properties"].items()
    ]
    return f"{told}\n\n" + _table(("field", "type", "needed", "meaning"), rows)


def _error_table() -> str:
    rows = [
        (f"`{code.slug}`", str(code.http_status), code.grpc_status, f"{code.title}.", code.mend) for code in ErrorCode
    ]
    return _table(("code", "HTTP", "gRPC", "meaning", "what to mend"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_table_lines(head, rows))


def _table_lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        yield f"| {' | '.join(cells)} |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    raise SystemExit(generated.run("api_md", TARGET, text))

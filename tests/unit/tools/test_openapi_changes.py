"""Every kind of change that breaks a caller of REST is named, and nothing else is."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tools.openapi_changes import breaking_changes

type Document = dict[str, Any]
type Change = Callable[[Document], object]

POST = "POST /thing/{id}"
DOCUMENT: Document = {
    "security": [],
    "paths": {
        "/thing/{id}": {
            "post": {
                "parameters": [
                    {"$ref": "#/components/parameters/Id"},
                    {"name": "X-Mood", "in": "header", "schema": {"enum": ["calm", "wild"]}},
                ],
                "requestBody": {
                    "required": False,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                },
                "responses": {
                    "200": {
                        "headers": {"ETag": {}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
                    },
                    "404": {"$ref": "#/components/responses/Missing"},
                },
            },
            "get": {"responses": {"200": {"content": {"text/plain": {"schema": {"type": "string"}}}}}},
        }
    },
    "components": {
        "parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}},
        "responses": {"Missing": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}},
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 80},
                    "count": {"type": ["integer", "null"], "minimum": 0, "maximum": 7},
                    "tags": {"type": "array", "maxItems": 5, "items": {"type": "string"}},
                    "color": {"anyOf": [{"type": "string"}, {"type": "integer", "maximum": 255}]},
                    "part": {"$ref": "#/components/schemas/Thing"},
                },
            },
            "Answer": {
                "type": "object",
                "required": ["id", "kind"],
                "properties": {
                    "id": {"type": "string", "maxLength": 19, "pattern": "^[0-9]+$"},
                    "kind": {"enum": ["a", "b"]},
                    "note": {"type": "string"},
                    "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
            },
        },
    },
}


def operation(document: Document) -> Document:
    found: Document = document["paths"]["/thing/{id}"]["post"]
    return found


def thing(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["Thing"]
    return found


def answer(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["Answer"]
    return found


def field(document: Document, name: str) -> Document:
    found: Document = thing(document)["properties"][name]
    return found


BREAKING: dict[str, Change] = {
    "/thing/{id}: the path is gone": lambda d: d["paths"].clear(),
    "GET /thing/{id}: the method is gone": lambda d: d["paths"]["/thing/{id}"].pop("get"),
    f"{POST}: now asks for a token": lambda d: operation(d).update(security=[{"bearer": []}]),
    f"{POST} header X-Mood: is gone": lambda d: operation(d)["parameters"].pop(),
    f"{POST} header X-Mood: no longer takes wild": lambda d: operation(d)["parameters"][1]["schema"]["enum"].pop(),
    f"{POST} header X-Mood: is now required": lambda d: operation(d)["parameters"][1].update(required=True),
    f"{POST} query page: is now required": lambda d: operation(d)["parameters"].append(
        {"name": "page", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    f"{POST} body: is now required": lambda d: operation(d)["requestBody"].update(required=True),
    f"{POST} body: is gone": lambda d: operation(d).pop("requestBody"),
    f"{POST} body: the media type application/json is gone": lambda d: operation(d)["requestBody"]["content"].clear(),
    f"{POST} body.name: is gone": lambda d: (thing(d)["properties"].pop("name"), thing(d)["required"].clear()),
    f"{POST} body.count: is now required": lambda d: thing(d)["required"].append("count"),
    f"{POST} body.name: maxLength is narrower: 80 → 79": lambda d: field(d, "name").update(maxLength=79),
    f"{POST} body.name: minLength is narrower: 1 → 2": lambda d: field(d, "name").update(minLength=2),
    f"{POST} body.name: another pattern: None → ^x": lambda d: field(d, "name").update(pattern="^x"),
    f"{POST} body.name: another format: None → uri": lambda d: field(d, "name").update(format="uri"),
    f"{POST} body.name: no longer takes anything else": lambda d: field(d, "name").update(const="x"),
    f"{POST} body.count: no longer takes null": lambda d: field(d, "count").update(type="integer"),
    f"{POST} body.count: maximum is narrower: 7 → 6": lambda d: field(d, "count").update(maximum=6),
    f"{POST} body.tags: maxItems is narrower: 5 → 4": lambda d: field(d, "tags").update(maxItems=4),
    f"{POST} body.tags[]: no longer takes string": lambda d: field(d, "tags")["items"].update(type="integer"),
    f"{POST} body.color: no longer takes integer": lambda d: field(d, "color")["anyOf"].pop(),
    f"{POST} body: no longer takes fields of other names": lambda d: thing(d).update(additionalProperties=False),
    f"{POST} 404: the status is gone": lambda d: operation(d)["responses"].pop("404"),
    f"{POST} 200: the header ETag is gone": lambda d: operation(d)["responses"]["200"]["headers"].clear(),
    f"{POST} 404: the media type application/problem+json is gone": lambda d: d["components"]["responses"][
        "Missing"
    ].update(content={}),
    f"{POST} 200.note: is gone": lambda d: answer(d)["properties"].pop("note"),
    f"{POST} 200.id: may now be missing": lambda d: answer(d)["required"].remove("id"),
    f"{POST} 200.id: may now be null": lambda d: answer(d)["properties"]["id"].update(type=["string", "null"]),
    f"{POST} 200.id: maxLength is wider: 19 → 20": lambda d: answer(d)["properties"]["id"].update(maxLength=20),
    f"{POST} 200.id: another pattern: ^[0-9]+$ → None": lambda d: answer(d)["properties"]["id"].pop("pattern"),
    f"{POST} 200.kind: is no longer one of a few values": lambda d: answer(d)["properties"]["kind"].clear(),
    f"{POST} 200.size: may now be string": lambda d: answer(d)["properties"]["size"]["anyOf"].append(
        {"type": "string"}
    ),
}
HARMLESS: dict[str, Change] = {
    "a new path": lambda d: d["paths"].update({"/new": {}}),
    "a new optional field": lambda d: thing(d)["properties"].update(mood={"type": "string"}),
    "a new optional parameter": lambda d: operation(d)["parameters"].append(
        {"name": "page", "in": "query", "schema": {"type": "string"}}
    ),
    "a wider bound": lambda d: field(d, "name").update(maxLength=100, minLength=0),
    "no bound": lambda d: field(d, "name").pop("maxLength"),
    "one more type": lambda d: field(d, "name").update(type=["string", "null"]),
    "one more option": lambda d: field(d, "color")["anyOf"].append({"type": "boolean"}),
    "a wider option": lambda d: field(d, "color")["anyOf"][1].update(maximum=256),
    "no longer required": lambda d: thing(d)["required"].clear(),
    "one more field in an answer": lambda d: answer(d)["properties"].update(more={"type": "string"}),
    "one more value in an answer": lambda d: answer(d)["properties"]["kind"]["enum"].append("c"),
    "a tighter answer": lambda d: answer(d)["properties"]["id"].update(maxLength=18),
    "one more status": lambda d: operation(d)["responses"].update({"410": {}}),
    "another description": lambda d: thing(d).update(description="A thing."),
}


@pytest.mark.parametrize("told", BREAKING)
def test_a_breaking_change_is_named(told: str) -> None:
    changed = copy.deepcopy(DOCUMENT)
    BREAKING[told](changed)
    assert told in breaking_changes(DOCUMENT, changed)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_adds_breaks_nobody(name: str) -> None:
    changed = copy.deepcopy(DOCUMENT)
    HARMLESS[name](changed)
    assert breaking_changes(DOCUMENT, changed) == []


def test_equal_documents_differ_in_nothing() -> None:
    assert breaking_changes(DOCUMENT, copy.deepcopy(DOCUMENT)) == []

"""The OpenAPI document: valid, complete, and true of what is served."""

import re
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from services.actions import CATALOGUE, Action
from services.discord.error_codes import error_code
from services.errors import ErrorCode
from services.ports import Reply, WebhookBody
from services.rest_api.openapi import REPEATS, example_fields, openapi_document, operation_id
from tests.fakes.discord import answers
from tests.unit.rest_api.house import JSON, SENT, House, row

DOCUMENT = openapi_document("1.2.3")
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def check(instance: Any, schema_name: str) -> None:
    """Raises ValidationError when `instance` is not what the document says."""
    registry: Any = Registry().with_resource("urn:document", DRAFT202012.create_resource(DOCUMENT))
    schema = {"$ref": f"urn:document#/components/schemas/{schema_name}"}
    jsonschema.Draft202012Validator(schema, registry=registry).validate(instance)


def test_it_is_valid() -> None:
    validate(DOCUMENT)


def test_every_route_is_documented_and_every_operation_served() -> None:
    served = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in House().app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert served == set(OPERATIONS)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert {"send_message", "add_reaction", "timeout_user", "list_actions"} < set(names)


def test_every_tag_is_told_and_used() -> None:
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"]}


@pytest.mark.parametrize("action_type", CATALOGUE, ids=operation_id)
def test_the_schema_knows_exactly_the_actions_fields(action_type: type[Action]) -> None:
    operation = OPERATIONS[action_type.rest.method, action_type.rest.path]
    in_path = {parameter["name"] for parameter in operation["parameters"] if parameter.get("in") == "path"}
    assert in_path == set(action_type.rest.path_fields)
    in_body = set(action_type.model_fields) - in_path
    assert ("requestBody" in operation) is bool(in_body)
    if in_body:
        schema = DOCUMENT["components"]["schemas"][action_type.rpc()]
        assert set(schema["properties"]) == in_body
        assert schema["additionalProperties"] is False
        assert all(field.get("description") for field in schema["properties"].values())


@pytest.mark.parametrize("action_type", CATALOGUE, ids=operation_id)
def test_an_operation_says_what_it_needs_and_what_a_repeat_does(action_type: type[Action]) -> None:
    operation = OPERATIONS[action_type.rest.method, action_type.rest.path]
    assert operation["x-scope"] == action_type.scope.value
    assert operation["x-discord-permission"] == action_type.permission
    assert operation["x-repeat"] == action_type.repeat.value
    for told in (action_type.permission, action_type.scope.value, REPEATS[action_type.repeat]):
        assert told in operation["description"]


@pytest.mark.parametrize("action_type", CATALOGUE, ids=operation_id)
async def test_a_documented_request_gets_a_documented_answer(action_type: type[Action]) -> None:
    fields = example_fields(action_type)
    body = {name: value for name, value in fields.items() if name not in action_type.rest.path_fields}
    if body:
        check(body, action_type.rpc())
    reply = Reply(200, WebhookBody(id="1", token="T")) if action_type.rpc() == "CreateWebhook" else SENT
    path = action_type.rest.path.format(**fields)
    answer = await House(answers(reply)).send(action_type.rest.method, path, JSON, json=body)
    check(answer.json, action_type.outcome_type.__name__)


@pytest.mark.parametrize("action_type", CATALOGUE, ids=operation_id)
def test_every_code_is_documented_with_an_example(action_type: type[Action]) -> None:
    operation = OPERATIONS[action_type.rest.method, action_type.rest.path]
    documented = {}
    for status, response in operation["responses"].items():
        if status != "200":
            resolved = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
            for code, example in resolved["content"]["application/problem+json"]["examples"].items():
                check(example["value"], "Problem")
                assert example["value"]["code"] == code
                documented[code] = int(status)
    no_operation = {"not_found", "method_not_allowed"}
    assert documented == {c.slug: c.http_status for c in ErrorCode if c.slug not in no_operation}


def test_in_an_example_discord_says_what_our_code_means() -> None:
    found = DOCUMENT["components"]["responses"].values()
    problems = [
        example["value"]
        for response in found
        for example in response["content"]["application/problem+json"]["examples"].values()
        if "discord" in example["value"]
    ]
    refusals = {problem["code"]: problem["discord"] for problem in problems}
    assert {"discord_unknown_channel", "bot_token_invalid"} < set(refusals)
    assert refusals.pop("bot_token_invalid") == {"status": 401, "code": 40001}
    for slug, said in refusals.items():
        assert error_code(said["code"], said["status"]).slug == slug


async def test_other_answers_are_as_documented() -> None:
    house = House()
    house.audit.rows = [row()]
    check((await house.get("/api/v1/actions")).json, "ActionPage")
    check((await house.get(f"/api/v1/actions/{row().action_id}")).json, "ActionRow")
    check((await house.get("/")).json, "Index")
    check((await house.get("/health")).json, "Health")
    check((await house.get("/health/live")).json, "Live")
    check((await house.get("/health/ready")).json, "Ready")
    check((await house.get("/nowhere")).json, "Problem")


async def test_it_is_served_as_it_is() -> None:
    answer = await House().get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == DOCUMENT


def test_what_is_open_asks_for_no_token() -> None:
    is_open = {path for (_, path), operation in OPERATIONS.items() if operation.get("security") == []}
    assert is_open == {
        "/api/v1/token",
        "/",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/{file}",
    }
    assert DOCUMENT["security"] == [{"bearer": []}]

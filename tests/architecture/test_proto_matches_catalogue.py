"""The proto file, the catalogue of actions and the numbers callers were promised say the same thing."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from pydantic import BaseModel

from proto import discord_action_pb2
from services.actions import AUDIT_NAMES, CATALOGUE, Action, Outcome, Rest
from services.ports import Priority, Repeat, Scope
from services.values import Embed, EmbedField, WebhookUrl

FILE = discord_action_pb2.DESCRIPTOR
SERVICE = FILE.services_by_name["DiscordAction"]
ACTIONS: Mapping[str, type[Action]] = {action.rpc(): action for action in CATALOGUE}
ONLY_IN_PROTO = {"token"}
ONLY_IN_RESPONSES = {"success": "bool", "error": "string", "action_id": "string"}

DONE = {"success": 1, "error": 2, "action_id": 10}
MESSAGE_SENT = {"success": 1, "message_id": 2, "error": 3, "action_id": 10}
NUMBERS: Mapping[str, Mapping[str, int]] = {
    "SendMessageRequest": {"channel_id": 1, "content": 2, "embed": 3, "token": 4, "allowed_mentions": 10},
    "SendMessageResponse": MESSAGE_SENT,
    "SendEmbedRequest": {"channel_id": 1, "embed": 2, "token": 3, "allowed_mentions": 10},
    "SendEmbedResponse": MESSAGE_SENT,
    "AddReactionRequest": {"channel_id": 1, "message_id": 2, "emoji": 3, "token": 4},
    "AddReactionResponse": DONE,
    "ManageRoleRequest": {"guild_id": 1, "user_id": 2, "role_id": 3, "action": 4, "token": 5},
    "ManageRoleResponse": DONE,
    "CreateWebhookRequest": {"channel_id": 1, "name": 2, "token": 3},
    "CreateWebhookResponse": {"success": 1, "webhook_url": 2, "error": 3, "action_id": 10},
    "SendWebhookRequest": {"webhook_url": 1, "content": 2, "embeds": 3, "token": 4, "allowed_mentions": 10},
    "SendWebhookResponse": DONE,
    "DeleteMessageRequest": {"channel_id": 1, "message_id": 2, "token": 3},
    "DeleteMessageResponse": DONE,
    "EditMessageRequest": {"channel_id": 1, "message_id": 2, "content": 3, "token": 4, "allowed_mentions": 10},
    "EditMessageResponse": DONE,
    "KickUserRequest": {"guild_id": 1, "user_id": 2, "reason": 3, "token": 4},
    "KickUserResponse": DONE,
    "BanUserRequest": {"guild_id": 1, "user_id": 2, "reason": 3, "delete_message_days": 4, "token": 5},
    "BanUserResponse": DONE,
    "TimeoutUserRequest": {"guild_id": 1, "user_id": 2, "duration_seconds": 3, "reason": 4, "token": 5},
    "TimeoutUserResponse": DONE,
    "EmbedData": {
        "title": 1,
        "description": 2,
        "color": 3,
        "url": 4,
        "thumbnail_url": 5,
        "image_url": 6,
        "footer_text": 7,
        "footer_icon_url": 8,
        "fields": 9,
        "author_name": 10,
        "author_url": 11,
        "author_icon_url": 12,
        "timestamp": 13,
    },
    "EmbedField": {"name": 1, "value": 2, "inline": 3},
}

SCALARS: Mapping[int, str] = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_BOOL: "bool",
}
MESSAGES: Mapping[type, str] = {Embed: "EmbedData", EmbedField: "EmbedField"}
TEXTS = (str, WebhookUrl)
# Text in protobuf, where REST also takes a number.
WRITTEN_AS_TEXT = {(Embed, "color")}


def kind_in_proto(field: FieldDescriptor) -> str:
    kind = field.message_type.name if field.message_type else SCALARS[field.type]
    return f"repeated {kind}" if field.is_repeated else kind


def kind_of(annotation: Any) -> str:
    """The protobuf type that carries a field of this Python type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return f"repeated {kind_of(arguments[0])}"
    if origin in {Union, UnionType}:
        (present,) = (argument for argument in arguments if argument is not NoneType)
        return kind_of(present)
    if origin is Literal or annotation in TEXTS:
        return "string"
    if hasattr(annotation, "__metadata__"):
        return kind_of(annotation.__origin__)
    return MESSAGES.get(annotation) or {int: "int32", bool: "bool"}[annotation]


def kinds_of(model: type[BaseModel]) -> dict[str, str]:
    return {
        name: "string" if (model, name) in WRITTEN_AS_TEXT else kind_of(field.annotation)
        for name, field in model.model_fields.items()
    }


def kinds_in_proto(message: Descriptor) -> dict[str, str]:
    return {field.name: kind_in_proto(field) for field in message.fields}


def test_the_names_are_those_callers_use() -> None:
    assert (FILE.package, SERVICE.full_name) == ("discord_action", "discord_action.DiscordAction")


def test_every_rpc_is_an_action_and_every_action_an_rpc() -> None:
    assert len(ACTIONS) == len(CATALOGUE)
    assert [method.name for method in SERVICE.methods] == list(ACTIONS)


def test_all_rpcs_are_unary_and_name_their_messages_after_themselves() -> None:
    for method in SERVICE.methods:
        assert (method.client_streaming, method.server_streaming) == (False, False)
        assert (method.input_type.name, method.output_type.name) == (f"{method.name}Request", f"{method.name}Response")


def test_every_message_has_the_numbers_callers_were_promised() -> None:
    numbers = {
        message.name: {field.name: field.number for field in message.fields}
        for message in FILE.message_types_by_name.values()
    }
    assert numbers == NUMBERS


@pytest.mark.parametrize("rpc", ACTIONS)
def test_the_request_has_the_actions_fields(rpc: str) -> None:
    kinds = kinds_in_proto(SERVICE.methods_by_name[rpc].input_type)

    assert kinds == kinds_of(ACTIONS[rpc]) | dict.fromkeys(ONLY_IN_PROTO, "string")


@pytest.mark.parametrize("rpc", ACTIONS)
def test_the_response_has_the_outcomes_fields(rpc: str) -> None:
    kinds = kinds_in_proto(SERVICE.methods_by_name[rpc].output_type)

    assert kinds == kinds_of(ACTIONS[rpc].outcome_type) | ONLY_IN_RESPONSES


@pytest.mark.parametrize(("model", "name"), MESSAGES.items(), ids=MESSAGES.values())
def test_the_embed_has_the_same_fields(model: type[BaseModel], name: str) -> None:
    assert kinds_in_proto(FILE.message_types_by_name[name]) == kinds_of(model)


def test_an_embed_beside_text_may_be_left_out_and_be_seen_to_be() -> None:
    request = FILE.message_types_by_name["SendMessageRequest"]

    assert request.fields_by_name["embed"].has_presence
    assert not ACTIONS["SendMessage"].model_fields["embed"].is_required()


@pytest.mark.parametrize("action", CATALOGUE, ids=ACTIONS)
def test_an_action_says_all_that_follows_from_it(action: type[Action]) -> None:
    assert isinstance(action.rest, Rest)
    assert isinstance(action.scope, Scope)
    assert isinstance(action.repeat, Repeat)
    assert isinstance(action.priority, Priority)
    assert issubclass(action.outcome_type, Outcome)
    assert all(isinstance(code, int) for code in action.already_done_codes)
    assert bool(action.already_done_codes) == (action.repeat is Repeat.ALREADY_DONE)
    assert action.permission
    assert action.audit_names
    assert action.__doc__


@pytest.mark.parametrize("action", CATALOGUE, ids=ACTIONS)
def test_every_field_is_described_and_every_part_of_the_path_is_a_field(action: type[Action]) -> None:
    described = {name for name, field in action.model_fields.items() if field.description}

    assert described == set(action.model_fields)
    assert set(action.rest.path_fields) <= {name for name, field in action.model_fields.items() if field.is_required()}


def test_no_two_actions_share_an_audit_name_or_a_place_in_rest() -> None:
    assert len(set(AUDIT_NAMES)) == len(AUDIT_NAMES)
    assert len({(action.rest.method, action.rest.path) for action in CATALOGUE}) == len(CATALOGUE)
    assert {
        "send_message",
        "send_embed",
        "add_reaction",
        "add_role",
        "remove_role",
        "create_webhook",
        "send_webhook",
        "delete_message",
        "edit_message",
        "kick_user",
        "ban_user",
        "timeout_user",
    } == set(AUDIT_NAMES)

"""Between protobuf messages and fields, for any action, planned once from the descriptors.

proto3 cannot tell an empty text, a zero or an empty list from an absent one: all are left out. A message that is
present is kept even when it is empty, so that an empty embed is named as the mistake it is.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from proto import discord_action_pb2
from services.actions import Action, Outcome
from services.errors import InvalidArgument

SERVICE: Final = discord_action_pb2.DESCRIPTOR.services_by_name["DiscordAction"]
TOKEN: Final = "token"  # noqa: S105  # the name of a field

type Reader = Callable[[Any], Any]


class FieldReader:
    """Reads the present fields of one type of message."""

    def __init__(self, message_type: Descriptor) -> None:
        fields = message_type.fields
        self._scalars = tuple(field.name for field in fields if not field.is_repeated and not field.message_type)
        self._lists = tuple((field.name, _list_reader(field)) for field in fields if field.is_repeated)
        self._messages = tuple(
            (field.name, FieldReader(field.message_type))
            for field in fields
            if field.message_type and not field.is_repeated
        )

    def __call__(self, message: Message) -> dict[str, Any]:
        fields: dict[str, Any] = {name: value for name in self._scalars if (value := getattr(message, name))}
        for name, read in self._lists:
            if values := getattr(message, name):
                fields[name] = read(values)
        for name, read in self._messages:
            if message.HasField(name):
                fields[name] = read(getattr(message, name))
        return fields


def _list_reader(field: FieldDescriptor) -> Reader:
    if not field.message_type:
        return list
    read = FieldReader(field.message_type)
    return lambda messages: [read(message) for message in messages]


class RpcMessages:
    """The request and the response of one action's rpc. Raises KeyError when the proto has no such rpc."""

    def __init__(self, action_type: type[Action]) -> None:
        method = SERVICE.methods_by_name[action_type.rpc()]
        self._request = GetMessageClass(method.input_type)
        self._response = GetMessageClass(method.output_type)
        self._read = FieldReader(method.input_type)
        self._outcome_fields = tuple(action_type.outcome_type.model_fields)

    def fields(self, raw: bytes) -> dict[str, Any]:
        """The fields of a request, its token among them. Raises InvalidArgument when the bytes are no such message."""
        try:
            return self._read(self._request.FromString(raw))
        except DecodeError:
            name = self._request.DESCRIPTOR.full_name
            raise InvalidArgument(detail=f"The body is not a readable {name}.") from None

    def response(self, action_id: str, outcome: Outcome) -> bytes:
        """The response to a delivered action."""
        told: Mapping[str, str] = {name: getattr(outcome, name) for name in self._outcome_fields}
        return self._response(success=True, action_id=action_id, **told).SerializeToString()

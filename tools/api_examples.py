"""The examples of an action in API.md: the same request with curl, in Python, with grpcurl and with buf.

The first one that is read works as it stands against the sandbox; tests run them all.
"""

import json
import shlex
from typing import Any, Final

from services.actions import Action
from services.rest_api.openapi import example_fields

REST: Final = "http://localhost:8070"
GRPC: Final = "localhost:50051"
SERVICE: Final = "discord_action.DiscordAction"
MESSAGES: Final = {"embed": "EmbedData", "embeds": "EmbedData", "fields": "EmbedField"}
"""The protobuf messages of the fields that are not plain."""


def curl(action_type: type[Action]) -> str:
    """Gives the request over REST."""
    fields, rest = example_fields(action_type), action_type.rest
    body = {name: value for name, value in fields.items() if name not in rest.path_fields}
    lines = [f'curl -X {rest.method} {REST}{rest.path.format(**fields)} -H "Authorization: Bearer $TOKEN"']
    if body:
        lines += ["  -H 'Content-Type: application/json'", f"  -d {_json(body)}"]
    return _block("sh", " \\\n".join(lines))


def python(action_type: type[Action]) -> str:
    """Gives the request over gRPC, in Python."""
    rpc = action_type.rpc()
    arguments = "".join(f"    {name}={_literal(name, value)},\n" for name, value in example_fields(action_type).items())
    return _block(
        "python", f"answer = stub.{rpc}(pb.{rpc}Request(\n{arguments}), metadata=metadata, timeout=10)\nprint(answer)"
    )


def grpcurl(action_type: type[Action]) -> str:
    """Gives the request over gRPC, with grpcurl; it learns the messages by reflection."""
    lines = [
        'grpcurl -plaintext -H "authorization: Bearer $TOKEN"',
        f"  -d {_json(example_fields(action_type))}",
        f"  {GRPC} {SERVICE}/{action_type.rpc()}",
    ]
    return _block("sh", " \\\n".join(lines))


def buf_curl(action_type: type[Action]) -> str:
    """Gives the request over gRPC, with buf."""
    lines = [
        'buf curl --protocol grpc --http2-prior-knowledge -H "authorization: Bearer $TOKEN"',
        f"  -d {_json(example_fields(action_type))}",
        f"  http://{GRPC}/{SERVICE}/{action_type.rpc()}",
    ]
    return _block("sh", " \\\n".join(lines))


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _json(fields: dict[str, Any]) -> str:
    return shlex.quote(json.dumps(fields, ensure_ascii=False))


def _literal(name: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{key}={_literal(key, member)}" for key, member in value.items())
        return f"pb.{MESSAGES[name]}({inner})"
    return json.dumps(value, ensure_ascii=False)

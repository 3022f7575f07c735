"""The two protocols as a caller meets them, brought to one form so that they can be compared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from multidict import CIMultiDict

from proto import discord_action_pb2 as messages
from services.actions import CATALOGUE, Action

SERVICE = "/discord_action.DiscordAction/"
ACTIONS: Mapping[str, type[Action]] = {action.rpc(): action for action in CATALOGUE}


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer. `status` is the protocol's own; everything else must be the same over both."""

    status: int | str
    code: str = "ok"
    outcome: str = "delivered"
    is_retryable: bool | None = None
    fields: tuple[str, ...] = ()
    discord_code: int | None = None
    result: dict[str, Any] = field(default_factory=dict)
    action_id: str | None = None
    retry_after_seconds: float | None = None
    is_replay: bool = False
    request_id: str | None = None

    @property
    def comparable(self) -> tuple[object, ...]:
        return (self.code, self.outcome, self.is_retryable, self.fields, self.discord_code, sorted(self.result))


type Headers = Mapping[str, str] | Sequence[tuple[str, str]]


class Face(Protocol):
    """One protocol. Headers that are pairs may hold a name twice."""

    name: str

    async def perform(self, rpc: str, fields: Mapping[str, Any], token: str, headers: Headers = ()) -> Heard: ...


def _pairs(token: str, headers: Headers) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {token}"), *(headers.items() if isinstance(headers, Mapping) else headers)]


class RestFace:
    """JSON over HTTP."""

    name = "rest"

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def perform(self, rpc: str, fields: Mapping[str, Any], token: str, headers: Headers = ()) -> Heard:
        rest = ACTIONS[rpc].rest
        body = {name: value for name, value in fields.items() if name not in rest.path_fields}
        path = rest.path.format_map({name: fields.get(name, "") for name in rest.path_fields})
        sent = CIMultiDict(_pairs(token, headers))
        json_body = body if rest.method != "DELETE" else None
        async with self._session.request(rest.method, self._url + path, json=json_body, headers=sent) as response:
            content = json.loads(await response.read())
            return _rest_heard(response.status, content, response.headers)


def _rest_heard(status: int, content: dict[str, Any], headers: Mapping[str, str]) -> Heard:
    is_replay, request_id = headers.get("Idempotency-Replayed") == "true", headers.get("X-Request-ID")
    if status == 200:
        result = {name: value for name, value in content.items() if name not in {"success", "action_id"}}
        assert content["success"] is True
        return Heard(200, result=result, action_id=content["action_id"], is_replay=is_replay, request_id=request_id)
    assert headers["Content-Type"].startswith("application/problem+json")
    assert (content["success"], content["status"], content["error"]) == (False, status, content["detail"])
    pointers = (error["pointer"] for error in content.get("errors", ()))
    return Heard(
        status,
        code=content["code"],
        outcome=content["outcome"],
        is_retryable=content["retryable"],
        fields=tuple(sorted(_dotted(pointer) for pointer in pointers)),
        discord_code=content.get("discord", {}).get("code") or None,
        action_id=content.get("action_id"),
        retry_after_seconds=content.get("retry_after"),
        is_replay=is_replay,
        request_id=request_id,
    )


def _dotted(pointer: str) -> str:
    parts = pointer.removeprefix("#").split("/")[1:]
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).removeprefix(".")


class GrpcFace:
    """Protobuf over HTTP/2."""

    name = "grpc"

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def perform(self, rpc: str, fields: Mapping[str, Any], token: str, headers: Headers = ()) -> Heard:
        request = json_format.ParseDict(dict(fields), getattr(messages, f"{rpc}Request")())
        call = self._channel.unary_unary(
            SERVICE + rpc,
            request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(messages, f"{rpc}Response").FromString,
        )
        metadata = [(name.lower(), value) for name, value in _pairs(token, headers)]
        pending = call(request, metadata=metadata, timeout=20)
        try:
            response = await pending
        except grpc.aio.AioRpcError as exc:
            return _grpc_failed(exc)
        trailing = dict(await pending.trailing_metadata())
        content = json_format.MessageToDict(response, preserving_proto_field_name=True)
        assert content.pop("success") is True
        return Heard(
            "OK",
            action_id=content.pop("action_id"),
            result=content,
            is_replay=trailing.get("idempotency-replayed") == "true",
            request_id=_text(trailing.get("x-request-id")),
        )


def _grpc_failed(exc: grpc.aio.AioRpcError) -> Heard:
    status = rpc_status.from_call(exc)
    assert status is not None, f"{exc.code()} came without details: {exc.details()}"
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for wanted in (info, bad, retry):
            if detail.Is(wanted.DESCRIPTOR):
                detail.Unpack(wanted)
    assert info.domain == "discord-action"
    trailing = dict(exc.trailing_metadata() or ())
    waits = retry.HasField("retry_delay")
    return Heard(
        exc.code().name,
        code=info.reason,
        outcome=info.metadata["outcome"],
        is_retryable=info.metadata["retryable"] == "true",
        fields=tuple(sorted(violation.field for violation in bad.field_violations)),
        discord_code=int(info.metadata["discord_code"] or 0) or None if "discord_code" in info.metadata else None,
        action_id=info.metadata.get("action_id"),
        retry_after_seconds=retry.retry_delay.ToTimedelta().total_seconds() if waits else None,
        is_replay=trailing.get("idempotency-replayed") == "true",
        request_id=_text(trailing.get("x-request-id")),
    )


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value

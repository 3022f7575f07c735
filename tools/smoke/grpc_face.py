"""gRPC, for a Python that has the module's packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import json_format
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from proto import discord_action_pb2 as messages
from tools.smoke.answers import Fields, Refused, Unreachable, Wrong

SERVICE: Final = "discord_action.DiscordAction"
CONNECT_SECONDS: Final = 5.0
CALL_SECONDS: Final = 30.0


class GrpcFace:
    """Protobuf over HTTP/2. Proxies of the environment are not asked."""

    name = "grpc"

    def __init__(self, target: str, *, is_tls: bool, ca_file: str | None) -> None:
        self._target = target
        options = [("grpc.enable_http_proxy", 0)]
        if is_tls:
            roots = Path(ca_file).read_bytes() if ca_file else None
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options=options)
        else:
            self._channel = grpc.insecure_channel(target, options=options)
        self._is_connected = False

    def perform(self, rpc: str, fields: Fields, token: str) -> Fields:
        self._connect()
        request = json_format.ParseDict(fields, getattr(messages, f"{rpc}Request")())
        call = self._channel.unary_unary(
            f"/{SERVICE}/{rpc}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(messages, f"{rpc}Response").FromString,
        )
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        try:
            response = call(request, metadata=metadata, timeout=CALL_SECONDS)
        except grpc.RpcError as exc:
            raise _refused(exc) from None
        answer: Fields = json_format.MessageToDict(response, preserving_proto_field_name=True)
        if answer.get("success") is not True:
            raise Wrong(f"the status is OK and the answer {answer}")
        return answer

    def check_health(self) -> str:
        self._connect()
        stub = health_pb2_grpc.HealthStub(self._channel)
        for service in ("", SERVICE):
            request = health_pb2.HealthCheckRequest(service=service)
            try:
                answer = stub.Check(request, timeout=CALL_SECONDS)
            except grpc.RpcError as exc:
                raise _refused(exc) from None
            if answer.status != health_pb2.HealthCheckResponse.SERVING:
                raise Wrong(f"gRPC health of {service or 'the server'!r} is {answer.status}, not SERVING")
        return "the server and its service are SERVING"

    def close(self) -> None:
        self._channel.close()

    def _connect(self) -> None:
        """Raises Unreachable, sooner than a call would."""
        if self._is_connected:
            return
        try:
            grpc.channel_ready_future(self._channel).result(timeout=CONNECT_SECONDS)
        except grpc.FutureTimeoutError:
            raise Unreachable(f"{self._target}: no gRPC connection within {CONNECT_SECONDS:g} s") from None
        self._is_connected = True


def _refused(exc: Any) -> Refused:
    """The failure of a call, which the library types as less than it is."""
    info, bad = ErrorInfo(), BadRequest()
    status = rpc_status.from_call(exc)
    for detail in status.details if status is not None else ():
        for wanted in (info, bad):
            if detail.Is(wanted.DESCRIPTOR):
                detail.Unpack(wanted)
    fields = tuple(violation.field for violation in bad.field_violations)
    return Refused(exc.code().name, info.reason or "-", exc.details(), fields, info.metadata.get("request_id", ""))

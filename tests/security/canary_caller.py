"""Asks the module over both protocols and keeps every answer as it came over the wire."""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import grpc
from google.protobuf import json_format

from proto import discord_action_pb2 as messages
from tests.conformance.faces import ACTIONS, SERVICE
from tests.security.canaries import Canaries
from tests.support.process import Program

WEBHOOK = re.compile(r"https://discord\.com/api/webhooks/\d+/([\w-]{60,})")
TOKEN = re.compile(r'"token":"(eyJ[\w.-]+)"')
PATIENCE_SECONDS = 20.0
PROTOCOLS = ("rest", "grpc")


class CanaryCaller:
    """A caller with canaries in its pockets. `answers` is what it was told, by what it asked."""

    def __init__(
        self, program: Program, canaries: Canaries, session: aiohttp.ClientSession, channel: grpc.aio.Channel
    ) -> None:
        self._program = program
        self._canaries = canaries
        self._session = session
        self._channel = channel
        self.answers: dict[str, bytes] = {}

    async def perform(
        self, protocol: str, rpc: str, fields: Mapping[str, Any], token: str, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer to one action, with its headers or trailing metadata."""
        sent = {"authorization": f"Bearer {token}"} | dict(headers or {})
        if protocol == "grpc":
            request = json_format.ParseDict(dict(fields), getattr(messages, f"{rpc}Request")())
            return await self.rpc(rpc, request.SerializeToString(), sent)
        rest = ACTIONS[rpc].rest
        body = {name: value for name, value in fields.items() if name not in rest.path_fields}
        path = rest.path.format_map({name: fields.get(name, "") for name in rest.path_fields})
        return await self.http(rest.method, path, sent, json=body)

    async def http(self, method: str, path: str, headers: Mapping[str, str] | None = None, **how: Any) -> bytes:
        """Any request over REST."""
        url = self._program.rest_url + path
        async with self._session.request(method, url, headers=dict(headers or {}), **how) as response:
            answer = f"{response.status} {dict(response.headers)}\n".encode() + await response.read()
        return self._kept(f"{method} {path}", answer)

    async def rpc(self, rpc: str, content: bytes, metadata: Mapping[str, str]) -> bytes:
        """Any bytes over gRPC."""
        raw: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(SERVICE + rpc)
        call = raw(content, metadata=tuple(metadata.items()), timeout=PATIENCE_SECONDS)
        try:
            answer = await call + repr(await call.trailing_metadata()).encode()
        except grpc.aio.AioRpcError as exc:
            said = b"".join(
                value if isinstance(value, bytes) else value.encode() for _, value in exc.trailing_metadata()
            )
            answer = f"{exc.code()} {exc.details()} {exc.debug_error_string()}\n".encode() + said
        return self._kept(rpc, answer)

    def forget_last(self) -> None:
        """Leaves the last answer out."""
        self.answers.popitem()

    def _kept(self, asked: str, answer: bytes) -> bytes:
        """Keeps it, unless it is the one that may hold a secret: a new webhook's address, or a token, for its asker."""
        text, number = answer.decode(errors="replace"), len(self.answers) + len(self._canaries.learned)
        if asked in {"POST /api/v1/webhook", "CreateWebhook"} and (webhook := WEBHOOK.search(text)):
            self._canaries.learned[f"webhook {number}"] = webhook[1]
        elif asked == "POST /api/v1/token" and (token := TOKEN.search(text)):
            self._canaries.learned[f"token {number}"] = token[1]
        else:
            self.answers[f"answer {number} to {asked}"] = answer
        return answer

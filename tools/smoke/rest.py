"""REST with the standard library alone."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Final
from urllib.parse import quote

from tools.smoke.answers import Fields, Refused, Unreachable, Wrong
from tools.smoke.signing import CLIENT_ID

CALL_SECONDS: Final = 30.0
RECORD_SECONDS: Final = 5.0
PATHS: Final = {
    "SendMessage": ("POST", "/api/v1/message"),
    "SendEmbed": ("POST", "/api/v1/embed"),
    "EditMessage": ("PATCH", "/api/v1/message/{channel_id}/{message_id}"),
    "DeleteMessage": ("DELETE", "/api/v1/message/{channel_id}/{message_id}"),
    "AddReaction": ("POST", "/api/v1/reaction"),
    "ManageRole": ("POST", "/api/v1/role"),
    "CreateWebhook": ("POST", "/api/v1/webhook"),
    "SendWebhook": ("POST", "/api/v1/webhook/send"),
    "KickUser": ("POST", "/api/v1/moderation/kick"),
    "BanUser": ("POST", "/api/v1/moderation/ban"),
    "TimeoutUser": ("POST", "/api/v1/moderation/timeout"),
}


class RestFace:
    """JSON over HTTP. Proxies of the environment are not asked."""

    name = "rest"

    def __init__(self, base_url: str, ca_file: str | None) -> None:
        self._base = base_url.rstrip("/")
        trust = ssl.create_default_context(cafile=ca_file)
        direct = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(direct, urllib.request.HTTPSHandler(context=trust))

    def perform(self, rpc: str, fields: Fields, token: str) -> Fields:
        method, template = PATHS[rpc]
        path = template.format(**{name: quote(str(value), safe="") for name, value in fields.items()})
        body = {name: value for name, value in fields.items() if "{" + name + "}" not in template}
        return self.request(method, path, body if method != "DELETE" else None, token)

    def check_health(self) -> str:
        health = self.request("GET", "/health")
        if health.get("status") not in {"healthy", "degraded"}:
            raise Wrong(f"/health says {health}")
        for path in ("/health/live", "/health/ready"):
            self.request("GET", path)
        return f"{health.get('module')} {health.get('version')} is {health['status']}, live and ready"

    def close(self) -> None:
        self._opener.close()

    def check_credentials(self) -> str:
        """The token endpoint turns a stranger away. Raises Refused, Unreachable, Wrong."""
        try:
            self.request("POST", "/api/v1/token", {"client_id": "nobody-at-all", "client_secret": "a-wrong-secret"})
        except Refused as exc:
            if exc.code == "unauthenticated":
                return "a wrong client secret gets no token"
            raise
        raise Wrong("POST /api/v1/token gave a token for a wrong secret")

    def check_record(self, action_id: str, token: str) -> str:
        """The action's row can be read and says that it was delivered. Raises Refused, Unreachable, Wrong."""
        row = self._row(action_id, token)
        if row.get("outcome") != "delivered" or row.get("client_id") != CLIENT_ID:
            raise Wrong(f"the row of action {action_id} says {row}")
        return f"action {action_id} is on the record as {row.get('action_type')}, {row['outcome']}"

    def _row(self, action_id: str, token: str) -> Fields:
        until = time.monotonic() + RECORD_SECONDS
        while True:
            try:
                return self.request("GET", f"/api/v1/actions/{action_id}", token=token)
            except Refused as exc:
                if exc.code != "not_found" or time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def request(self, method: str, path: str, body: Fields | None = None, token: str = "") -> Fields:
        """The JSON of a success. Raises Refused, Unreachable, Wrong."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        raw = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            raw = json.dumps(body).encode()
        address = self._base + path
        request = urllib.request.Request(address, raw, headers, method=method)  # noqa: S310 -- the operator's own
        try:
            with self._opener.open(request, timeout=CALL_SECONDS) as response:
                return _object(response.read())
        except urllib.error.HTTPError as exc:
            raise _refused(exc.code, _object(exc.read())) from None
        except http.client.HTTPException as exc:
            raise Unreachable(f"{self._base} does not speak HTTP/1.1 ({type(exc).__name__})") from None
        except OSError as exc:
            raise Unreachable(f"{self._base}: {getattr(exc, 'reason', exc)}") from None


def _refused(status: int, problem: Fields) -> Refused:
    pointers = tuple(str(error.get("pointer", "")) for error in problem.get("errors", ()))
    detail = str(problem.get("detail") or problem)
    return Refused(str(status), str(problem.get("code", "-")), detail, pointers, str(problem.get("request_id", "")))


def _object(raw: bytes) -> Fields:
    try:
        content = json.loads(raw)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Wrong(f"this is not the module's JSON: {raw[:200]!r}\nDoes something else listen there?")
    return content

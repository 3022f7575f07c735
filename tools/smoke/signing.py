"""A token to call with: JWT with HS256, https://www.rfc-editor.org/rfc/rfc7519, from the standard library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Final

CLIENT_ID: Final = "test_api"
LIFETIME_SECONDS: Final = 600
SCOPES: Final = "messages reactions roles webhooks:send webhooks:create moderation audit:read limits:read"
"""Said, because a module can refuse tokens that say none (JWT_UNSCOPED_ACCESS)."""


def signed_token(key: str) -> str:
    """A token of this script's own, for the next ten minutes."""
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {"client_id": CLIENT_ID, "iat": now, "exp": now + LIFETIME_SECONDS, "scope": SCOPES}
    signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + _base64(signature)).decode()


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")

"""Tokens as no library would make them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from tests.support.module import KEY

# A run of all tests may take long; what is refused must not be refused for its age.
LIFETIME_SECONDS = 86400
HS256 = {"alg": "HS256", "typ": "JWT"}


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(content: object) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def forged(
    claims: object,
    header: object = HS256,
    *,
    key: str | bytes = KEY,
    digest: str = "sha256",
    signature: str | None = None,
) -> str:
    """A token of any header and any payload, as bytes or as JSON, signed with a key or with a signature of its own."""
    signed = f"{encoded(part(header))}.{encoded(part(claims))}"
    secret = key.encode() if isinstance(key, str) else key
    made = encoded(hmac.new(secret, signed.encode(), getattr(hashlib, digest)).digest())
    return f"{signed}.{made if signature is None else signature}"


def claims(**changes: Any) -> Mapping[str, Any]:
    """A good token's claims, with changes; None takes one away."""
    now = int(time.time())
    content = {"client_id": "router", "iat": now, "exp": now + LIFETIME_SECONDS} | changes
    return {name: value for name, value in content.items() if value is not None}


def raw_claims(text: str, **changes: Any) -> bytes:
    """A good token's claims with JSON put at their end as it stands."""
    return (json.dumps(claims(**changes))[:-1] + f", {text}}}").encode()

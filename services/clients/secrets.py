"""Clients' secrets: made here, shown once, stored as a salted hash.

A secret is 256 bits from the operating system, so it cannot be guessed however fast the hash is; a slow hash, which
makes up for the little there is to guess in a password, would only make every request for a token expensive. The salt
keeps equal secrets from showing as equal hashes.
"""

import secrets
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

SECRET_BYTES: Final = 32
SALT_BYTES: Final = 16
METHOD: Final = "blake2b"

NO_HASH: Final = f"{METHOD}${'0' * 2 * SALT_BYTES}${'0' * 2 * SECRET_BYTES}"
"""What a secret is compared with when there is no such client: the same work, and never equal."""


def new_secret() -> str:
    """A new secret, as URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_of(secret: str) -> str:
    """The hash to store: method, salt and digest."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{METHOD}${salt.hex()}${_digest(secret, salt)}"


def is_secret_of(stored: str, secret: str) -> bool:
    """Whether `secret` is the one whose hash is stored; takes equally long either way."""
    _, salt, digest = stored.split("$")
    return compare_digest(_digest(secret, bytes.fromhex(salt)), digest)


def _digest(secret: str, salt: bytes) -> str:
    encoded = secret.encode("utf-8", "replace")
    return blake2b(encoded, digest_size=SECRET_BYTES, salt=salt, person=b"discord-client").hexdigest()

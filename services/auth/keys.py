"""The keys tokens are signed with: one that signs, and the one before it, which still verifies.

A token's header may say which key it was signed with (`kid`); ours do. It saves a try, no more: it chooses among our
own keys and nothing else, and one we do not know is as good as none, because callers who sign for themselves may use
it as they like. Nothing else in a header is looked at but the algorithm, and of that there is one.

To change the key without a pause: the new one in MODULE_SECRET_KEY, the old one in MODULE_SECRET_KEY_PREVIOUS, on every
replica; when the last token signed with the old one has expired, take it out.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import jwt

from config import AuthSettings
from services.errors import Unauthenticated


class SigningKeys:
    """Signs tokens and opens them."""

    def __init__(self, settings: AuthSettings) -> None:
        given = (settings.secret_key, settings.previous_secret_key)
        keys = [key.get_secret_value() for key in given if key is not None]
        self._by_id = {key_id(key): key for key in keys}
        self._signing_id = key_id(keys[0])
        self._algorithms = [settings.algorithm]
        self._jws = jwt.PyJWS(self._algorithms)
        names = {"aud": settings.audience, "iss": settings.issuer}
        self._always = {name: value for name, value in names.items() if value is not None}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token that holds these claims, and the audience and the issuer that are set."""
        payload = json.dumps({**self._always, **claims}, separators=(",", ":")).encode()
        key = self._by_id[self._signing_id]
        return self._jws.encode(payload, key, self._algorithms[0], headers={"kid": self._signing_id})

    def open(self, token: str) -> bytes:
        """What was signed. Raises Unauthenticated, which never says which part was wrong."""
        try:
            for key in self._candidates(token):
                try:
                    payload: bytes = self._jws.decode(token, key, self._algorithms)
                except jwt.InvalidSignatureError:
                    continue
                return payload
        except jwt.PyJWTError:
            pass
        raise Unauthenticated("The token is not valid.")

    def _candidates(self, token: str) -> Iterable[str]:
        if len(self._by_id) > 1:
            named = self._by_id.get(self._jws.get_unverified_header(token).get("kid", ""))
            if named is not None:
                return (named,)
        return self._by_id.values()


def key_id(key: str) -> str:
    """The name of a key in a token's header; it says nothing of the key."""
    return blake2b(key.encode(), digest_size=6, person=b"token-key").hexdigest()

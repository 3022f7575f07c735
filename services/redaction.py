"""Hides secrets in text that leaves the process: log lines, audit rows, error messages.

Two nets. Forms: what looks like a webhook's URL, a JWT, a bot token, a password in a URL or an Authorization
header is hidden wherever it stands. Values: what was registered (our own token and keys) is hidden even where
it looks like nothing, in each of the encodings that texts are passed on in (`encodings`). Every line passes here, so a
look for a few fixed pieces of text comes first, and the patterns run only behind it.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "[redacted]"
SHORTEST_SECRET = 6

SECRET_NAMES = frozenset(
    {"authorization", "client_secret", "password", "secret", "secret_key", "token", "access_token", "api_key"}
)

_BOT_TOKEN = re.compile(r"\.[\w-]{6,7}\.[\w-]{27}")
"""The end of a bot token: https://discord.com/developers/docs/reference#authentication"""

_START = r"((?<!\\)(?:\\\\)*\\(?:u[0-9a-f]{4}|[^u])|(?<![\w\\-])|(?<=%[0-9a-f]{2}))"
"""Where a word starts in plain text, or behind an escape of JSON or of a URL: a form must not swallow half of one."""

# Every form is anchored or bounded, so that the time it takes grows with the text and not with its square: a caller
# chooses the text.
_QUOTE = r"(?:\\{0,3}[\"'])?"
_SLASH = r"(?:\\{0,3}/|%(?:25)?2F)"

_FORMS = tuple(
    (re.compile(form, re.IGNORECASE), replacement)
    for form, replacement in (
        (rf"(webhooks{_SLASH}\d+{_SLASH})[^\s/?#\"'\\]+", rf"\1{HIDDEN}"),
        (_START + r"(?-i:eyJ)[\w-]{4,}\.[\w-]+\.[\w-]*", rf"\1{HIDDEN}"),
        (_START + r"[\w-]{18,}\.[\w-]{6,7}\.[\w-]{27,}", rf"\1{HIDDEN}"),
        (r"((?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,31}://[^\s:/@\"']{0,256}:)[^\s/?#\"']{1,256}@", rf"\1{HIDDEN}@"),
        (r"(password=\s{0,8})(?!\[redacted\])[^\s&\"'\\]{1,256}", rf"\1{HIDDEN}"),
        (rf"(authorization{_QUOTE}\s*[:=,]\s*{_QUOTE}(?:\w+\s+)?)[\w.~+/=-]+", rf"\1{HIDDEN}"),
        (r"((?:\b|(?<=\\[nrt]))(?:bot|bearer)\s+)(?=\S{0,64}\d)[\w.~+/=-]{16,}", rf"\1{HIDDEN}"),
    )
)


def encodings(secret: str) -> Iterator[str]:
    """The text as it is, as JSON writes it (also within JSON), percent-encoded, in hexadecimal and in base64."""
    yield secret
    for is_ascii in (True, False):
        once = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        yield from (once, json.dumps(once, ensure_ascii=is_ascii)[1:-1])
    yield from (quote(secret, safe=""), quote(secret), quote_plus(secret))
    raw = secret.encode("utf-8", "replace")
    yield from (raw.hex(), raw.hex().upper())
    for encode in (b64encode, urlsafe_b64encode):
        yield from _in_base64(raw, encode)


def _in_base64(raw: bytes, encode: Callable[[bytes], bytes]) -> Iterator[str]:
    """What is sure to stand in base64 that holds `raw` somewhere: at each of three offsets, without the edges."""
    for offset in range(3):
        encoded = encode(bytes(offset) + raw).decode().rstrip("=")
        inner = encoded[(offset * 8 + 5) // 6 : len(encoded) - ((offset + len(raw)) % 3 > 0)]
        if len(inner) >= SHORTEST_SECRET:
            yield inner


class Redactor:
    """Hides what looks like a secret, and the secrets it was told of."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def register(self, secret: str) -> None:
        """Hides this value from now on, as it is and in every encoding.

        One shorter than six characters is left alone: hiding it would blot out ordinary words.
        """
        if len(secret) < SHORTEST_SECRET:
            return
        self._secrets = tuple(sorted({*self._secrets, *encodings(secret)}, key=len, reverse=True))

    def redact(self, text: str) -> str:
        """Gives the text with every secret replaced by `[redacted]`."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        if not _is_suspicious(text):
            return text
        for form, replacement in _FORMS:
            text = form.sub(replacement, text)
        return text

    def redact_value(self, value: Any) -> Any:
        """Gives a copy of a JSON value without secrets: by the name of a field, or by the form of a text."""
        match value:
            case str():
                return self.redact(value)
            case dict():
                return {self._redact_key(key): self._redact_field(key, item) for key, item in value.items()}
            case list() | tuple():
                return [self.redact_value(item) for item in value]
            case _:
                return value

    def _redact_key(self, key: Any) -> Any:
        return self.redact(key) if isinstance(key, str) else key

    def _redact_field(self, key: Any, item: Any) -> Any:
        if isinstance(key, str) and key.lower() in SECRET_NAMES and item:
            return HIDDEN
        return self.redact_value(item)


def _is_suspicious(text: str) -> bool:
    """Whether a form could match: one look for each piece of text that the forms cannot do without."""
    return (
        ("@" in text and "://" in text)
        or "eyJ" in text
        or "ebhooks" in text
        or "uthorization" in text
        or "earer" in text
        or "assword=" in text
        or "bot " in text
        or "Bot " in text
        or "WEBHOOKS" in text
        or "UTHORIZATION" in text
        or "EARER" in text
        or "ASSWORD=" in text
        or "BOT " in text
        or _BOT_TOKEN.search(text) is not None
    )


def redact(text: str) -> str:
    """Gives the text without anything that looks like a secret; for values known by heart, use a Redactor."""
    return _FORM_REDACTOR.redact(text)


_FORM_REDACTOR = Redactor()

"""What the body of an error says: https://discord.com/developers/docs/reference#error-messages.

Whatever is not as documented counts as absent. Discord's texts reach callers, so they are put on one line and cut,
and what looks like a credential is taken out of them, as are the credentials that the request carried.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Self

from services.discord.raw_reply import RawReply
from services.errors import Violation
from services.redaction import HIDDEN, Redactor

LONGEST_TEXT: Final = 200
MOST_VIOLATIONS: Final = 25
DEEPEST_PATH: Final = 12
LONGEST_SECONDS: Final = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """Discord's error object. `code` is 0 when it names none."""

    is_json: bool = False
    code: int = 0
    message: str = ""
    retry_after_seconds: float | None = None
    violations: tuple[Violation, ...] = ()

    @classmethod
    def of(cls, raw: RawReply, redactor: Redactor, secret: str | None = None) -> Self:
        """Reads the body of an error. What `redactor` knows and `secret` are cut out of its texts."""
        found = raw.json
        if found is None:
            return cls()
        code = found.get("code")
        texts = _Texts(redactor, secret)
        return cls(
            is_json=True,
            code=code if isinstance(code, int) else 0,
            message=texts.line(found.get("message")),
            retry_after_seconds=seconds_of(found.get("retry_after")),
            violations=tuple(islice(_violations(found.get("errors"), (), texts), MOST_VIOLATIONS)),
        )


def seconds_of(value: object) -> float | None:
    """A number of seconds that makes sense, or None."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if math.isfinite(value) and 0 <= value <= LONGEST_SECONDS else None


class _Texts:
    """Texts of a body, fit to be told: one line, cut, without credentials."""

    def __init__(self, redactor: Redactor, secret: str | None) -> None:
        self._redactor = redactor
        self._secret = secret

    def line(self, value: Any) -> str:
        if not isinstance(value, str):
            return ""
        text = value[: 10 * LONGEST_TEXT]
        if self._secret:
            text = text.replace(self._secret, HIDDEN)
        line = " ".join(self._redactor.redact(text).split())
        return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"

    def step(self, key: str) -> str | int:
        return int(key) if key.isascii() and key.isdecimal() and len(key) < 10 else self.line(key)


def _violations(node: Any, path: tuple[str | int, ...], texts: _Texts) -> Iterator[Violation]:
    """The leaves of Discord's tree: `_errors` holds the faults of the field that the keys above it lead to."""
    if not isinstance(node, dict) or len(path) > DEEPEST_PATH:
        return
    for key, child in node.items():
        if key == "_errors":
            yield from (Violation(path, detail) for detail in _details(child, texts))
        else:
            yield from _violations(child, (*path, texts.step(key)), texts)


def _details(leaves: Any, texts: _Texts) -> Iterator[str]:
    for leaf in leaves if isinstance(leaves, list) else ():
        if isinstance(leaf, dict):
            yield texts.line(leaf.get("message")) or texts.line(leaf.get("code")) or "is not valid"

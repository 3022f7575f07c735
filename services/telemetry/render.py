"""From a log record to one line of bytes, without secrets and line breaks: JSON, or text for people."""

import logging
import re
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from services.redaction import Redactor
from services.telemetry.scope import RequestScope

FIRST_FIELDS = ("community", "user", "action", "result")
"""What the text form starts with. In an AUDIT line all four stand there, `-` for what does not apply."""

LONGEST_LINE_CHARACTERS = 32_768
LONGEST_TEXT_CHARACTERS = 1024
MOST_FIELDS = 32
"""What is kept of a line that would be longer than the longest."""

_ONE_WORD = re.compile(r"[!#-<>-~]+")
"""Printable ASCII without blanks, quotes and equals signs."""


class Entry(NamedTuple):
    """A line on its way: what was logged, and the request it was logged for."""

    created_seconds: float
    level: int
    event: str
    message: str
    fields: Mapping[str, Any]
    scope: RequestScope | None
    exception: BaseException | None


class Clock:
    """Writes a time as ISO 8601, UTC, milliseconds. What changes once a second is written once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, created_seconds: float) -> str:
        """Write the time `created_seconds` after 1970."""
        second = int(created_seconds)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{int((created_seconds - second) * 1000):03d}Z"


class Renderer:
    """Renders entries of one module. Not for several threads."""

    def __init__(self, module: str, version: str, form: str, redactor: Redactor) -> None:
        self._module = module
        self._version = version
        self._form: Callable[[Entry], str] = self._json if form == "json" else self._text
        self._redactor = redactor
        self._clock = Clock()

    def line(self, entry: Entry) -> bytes:
        """Give the line, with its line break."""
        text = self._form(entry)
        if len(text) > LONGEST_LINE_CHARACTERS:
            text = self._form(self._shortened(entry))
        return self._redactor.redact(text).encode() + b"\n"

    def _shortened(self, entry: Entry) -> Entry:
        """Cut every text to a length; secrets are hidden first, since half of one is not recognised."""
        context = _context(entry)[:MOST_FIELDS]
        fields = {self._cut(name): self._cut(_dumps(value)) for name, value in context}
        return entry._replace(message=self._cut(entry.message), fields=fields, scope=None, exception=None)

    def _cut(self, text: str) -> str:
        hidden = self._redactor.redact(text[: 2 * LONGEST_TEXT_CHARACTERS])
        return hidden if len(hidden) <= LONGEST_TEXT_CHARACTERS else f"{hidden[:LONGEST_TEXT_CHARACTERS]}…"

    def _json(self, entry: Entry) -> str:
        line: dict[str, Any] = {
            "time": self._clock.text(entry.created_seconds),
            "level": logging.getLevelName(entry.level),
            "module": self._module,
            "version": self._version,
            "event": entry.event,
            "message": entry.message,
        }
        for name, value in _context(entry):
            line[name if name not in line else f"{name}_"] = value
        return _dumps(line)

    def _text(self, entry: Entry) -> str:
        fields = dict(_context(entry))
        known = {name: fields.pop(name, "-") for name in FIRST_FIELDS if name in fields or entry.event == "AUDIT"}
        words = [
            f"{_word(name)}={_word(value)}" for name, value in (known | fields | {"message": entry.message}).items()
        ]
        time_text, level = self._clock.text(entry.created_seconds), logging.getLevelName(entry.level)
        return f"[{time_text}] {level} {self._module}:{self._version} {_word(entry.event)} {' '.join(words)}"


def _context(entry: Entry) -> list[tuple[str, Any]]:
    """List the fields of a line: the request's, the caller's of the log, the exception's."""
    pairs: list[tuple[str, Any]] = []
    if entry.scope is not None:
        pairs.append(("request_id", entry.scope.request_id))
        if entry.scope.trace_id:
            pairs.append(("trace_id", entry.scope.trace_id))
    pairs.extend(entry.fields.items())
    if entry.exception is not None:
        pairs.append(("exception", _exception(entry.exception)))
    return pairs


def _exception(error: BaseException) -> dict[str, str]:
    stack = "".join(traceback.format_exception(error, limit=-20))
    return {"type": type(error).__name__, "message": str(error), "stack": stack}


def _dumps(value: object) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a lone surrogate, a number beyond 64 bits: rare, and no reason to lose the line
        return orjson.dumps(_plain(value)).decode()


def _plain(value: object) -> object:
    """Make any value one that JSON can hold."""
    match value:
        case dict():
            return {_plain_text(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bool() | float() | None:
            return value
        case _:
            return _plain_text(value)


def _plain_text(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


def _word(value: object) -> str:
    """Write a value as one word: quoted where it could be taken for more than one."""
    if isinstance(value, str) and _ONE_WORD.fullmatch(value):
        return value
    if value is None:
        return "-"
    return str(value) if type(value) is int else _dumps(value)

"""From a log record to one line of bytes, without secrets and line breaks: JSON, or text for people."""

import logging
import re
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from services.redaction import Redactor
from services.telemetry.events import Event
from services.telemetry.scope import RequestScope

FIRST_WORDS = {"community": "guild", "user": "caller", "action": "action", "result": "result"}
"""What every line of the text form starts with, and the fields they show; `-` for what does not apply."""

LONGEST_LINE_CHARACTERS = 32_768
LONGEST_TEXT_CHARACTERS = 1024
MOST_FIELDS = 32
"""What is kept of a line that would be longer than the longest."""

_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What a terminal obeys, what some programs take for a line break, and what hides or turns around the text beside it.

JSON escapes what stands below the blank by itself; these it may leave as they are."""

_ONE_WORD = re.compile(r"(?!-\Z)[!#-<>-~]+")
"""Printable ASCII without blanks, quotes and equals signs; not `-` alone, which says that there is nothing."""


class Entry(NamedTuple):
    """A line on its way: what was logged, and the request it was logged for."""

    created_seconds: float
    level: int
    event: Event
    message: str
    fields: Mapping[str, Any]
    scope: RequestScope | None
    exception: BaseException | None
    is_bounded: bool = False


class Clock:
    """Writes a time as ISO 8601, UTC, milliseconds. What changes once a second is written once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, created_seconds: float) -> str:
        """Writes the time `created_seconds` after 1970."""
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
        """Gives the line, with its line break."""
        text = self._form(entry)
        if len(text) > LONGEST_LINE_CHARACTERS:
            text = self._form(self._shortened(entry))
        return self._redactor.redact(text).encode() + b"\n"

    def _shortened(self, entry: Entry) -> Entry:
        """Cuts every text to a length; secrets are hidden first, since half of one is not recognised."""
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
        if entry.exception is not None:
            fields["exception"] = fields["exception"]["stack"]  # it names the type and the message as well
        words = {word: fields.pop(name, None) for word, name in FIRST_WORDS.items()}
        for name, value in [*fields.items(), ("message", entry.message)]:
            words[name if name not in words else f"{name}_"] = value
        shown = " ".join(f"{_word(name)}={_word(value)}" for name, value in words.items())
        time_text, level = self._clock.text(entry.created_seconds), logging.getLevelName(entry.level)
        return f"[{time_text}] {level} {self._module}:{self._version} {_word(entry.event)} {shown}"


def _context(entry: Entry) -> list[tuple[str, Any]]:
    """Lists the fields of a line: the request's, the caller's of the log, the exception's."""
    pairs: list[tuple[str, Any]] = []
    if entry.scope is not None:
        pairs += _request_fields(entry.scope, entry.fields)
    pairs.extend(entry.fields.items())
    if entry.exception is not None:
        pairs.append(("exception", _exception(entry.exception)))
    return pairs


def _request_fields(scope: RequestScope, said: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Lists what the request adds to what the line says by itself."""
    known = (("request_id", scope.request_id), ("trace_id", scope.trace_id), ("caller", scope.caller))
    return [(name, value) for name, value in known if value is not None and name not in said]


def _exception(error: BaseException) -> dict[str, str]:
    stack = "".join(traceback.format_exception(error, limit=-20))
    return {"type": type(error).__name__, "message": str(error), "stack": stack}


def _dumps(value: object) -> str:
    try:
        text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a lone surrogate, a number beyond 64 bits: rare, and no reason to lose the line
        text = orjson.dumps(_plain(value)).decode()
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}" if found[0] < "\U00010000" else "", text)


def _plain(value: object) -> object:
    """Makes any value one that JSON can hold."""
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
    """Writes a value as one word: in quotes, as JSON has them, where it could be taken for more than one."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else _dumps(value)
    is_quoted = text is not value and text.startswith('"')
    return text if is_quoted or _ONE_WORD.fullmatch(text) else _dumps(text)

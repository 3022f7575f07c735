"""Rows as JSON objects by column: redacted, and storable by both databases.

A row is two halves joined as text: what is known of the action when it is accepted, and how it ended. The first half
is on disk from then on and is not made again, so it is redacted and encoded once, before it reaches the disk. All texts
of a half are looked through in one go; only where there is something to hide is it taken apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from services.audit.columns import LARGEST_INTEGER, LONGEST, storable, time_text
from services.ports import AuditEntry, Json, Verdict
from services.redaction import SECRET_NAMES, Redactor

_OPTIONS: Final = orjson.OPT_NON_STR_KEYS
_MAY_HOLD_NUL: Final = b"\\u0000"
DEEPEST: Final = 64
# Named because `int | float` would be made anew for every value.
_NUMBERS: Final = (int, float)
_LISTS: Final = (list, tuple, set, frozenset)

type Half = dict[str, Any]


def entry_half(entry: AuditEntry, redactor: Redactor) -> bytes:
    """What is known when it is accepted. Never raises: what cannot be written is left out."""
    try:
        ids = (
            entry.client_id,
            entry.request_id,
            entry.idempotency_key,
            entry.guild_id,
            entry.channel_id,
            entry.user_id,
        )
        return _encoded(_entry_columns(entry), ids, entry.request_data, redactor)
    except Exception as exc:  # noqa: BLE001 -- whatever is wrong with a value, that the action happened must be kept
        plain = replace(entry, request_data={"left_out": type(exc).__name__})
        return orjson.dumps(_storable_json(_entry_columns(plain)))


def verdict_half(verdict: Verdict, redactor: Redactor) -> bytes:
    """How it ended. Never raises: what cannot be written is left out."""
    try:
        return _encoded(_verdict_columns(verdict), (verdict.error_message,), verdict.response_data, redactor)
    except Exception:  # noqa: BLE001 -- as above
        plain = replace(verdict, error_message=None, response_data=None)
        return orjson.dumps(_storable_json(_verdict_columns(plain)))


def joined(entry_json: bytes, verdict_json: bytes) -> bytes:
    """The row of the two halves."""
    return entry_json[:-1] + b"," + verdict_json[1:]


def action_id_of(row_or_half: bytes) -> str:
    """The action a row or an entry's half is about."""
    return str(orjson.loads(row_or_half)["action_id"])


def _entry_columns(entry: AuditEntry) -> Half:
    return {
        "action_id": _cut("action_id", entry.action_id),
        "action_type": _cut("action_type", entry.action_type),
        "created_at": time_text(entry.created_at),
        "client_id": _cut("client_id", entry.client_id),
        "protocol": _cut("protocol", entry.protocol),
        "request_id": _cut("request_id", entry.request_id),
        "idempotency_key": _cut("idempotency_key", entry.idempotency_key),
        "guild_id": _cut("guild_id", entry.guild_id),
        "channel_id": _cut("channel_id", entry.channel_id),
        "user_id": _cut("user_id", entry.user_id),
        "request_data": entry.request_data,
    }


def _verdict_columns(verdict: Verdict) -> Half:
    return {
        "outcome": verdict.outcome.value,
        "success": verdict.success,
        "error_code": _cut("error_code", verdict.error_code),
        "error_message": verdict.error_message,
        "discord_status": _integer(verdict.discord_status),
        "attempts": _integer(verdict.attempts),
        "duration_ms": _integer(verdict.duration_ms),
        "response_data": verdict.response_data,
    }


def _cut(column: str, text: str | None) -> str | None:
    return None if text is None else text[: LONGEST[column]]


def _integer(number: int | None) -> int | None:
    return None if number is None else max(-LARGEST_INTEGER, min(number, LARGEST_INTEGER))


def _encoded(half: Half, texts: Sequence[str | None], content: Json | None, redactor: Redactor) -> bytes:
    """The half as JSON. `texts` and `content` are what of it came from outside and may hold a secret."""
    if _holds_secret(texts, content, redactor):
        half = {column: redactor.redact_value(_storable_json(value)) for column, value in half.items()}
    try:
        encoded = orjson.dumps(half, default=_plain, option=_OPTIONS)
    except TypeError:  # a lone surrogate, an integer beyond 64 bits, too deep
        encoded = b""
    if encoded and _MAY_HOLD_NUL not in encoded:
        return encoded
    return orjson.dumps(_storable_json(half), option=_OPTIONS)


def _holds_secret(given: Sequence[str | None], content: Json | None, redactor: Redactor) -> bool:
    """Whether redaction would change anything. May say so where it would not, never the other way."""
    texts = [text for text in given if text]
    names: list[str] = []
    _gather(content, texts, names)
    if names and not SECRET_NAMES.isdisjoint(map(str.lower, names)):
        return True
    whole = "\n".join((*names, *texts))
    return redactor.redact(whole) != whole


def _gather(value: object, texts: list[str], names: list[str], depth: int = 0) -> None:
    """Collects every text that encoding would write, and the names of fields."""
    if isinstance(value, str):
        texts.append(value)
    elif value is None or isinstance(value, _NUMBERS):
        return
    elif depth < DEEPEST and isinstance(value, Mapping):
        for name, item in value.items():
            names.append(str(name))
            _gather(item, texts, names, depth + 1)
    elif depth < DEEPEST and isinstance(value, _LISTS):
        for item in value:
            _gather(item, texts, names, depth + 1)
    else:
        texts.append(str(value))


def _plain(value: object) -> Any:
    """What JSON has no form for, in one it has."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return list(value)
    return str(value)


def _storable_json(value: Any, depth: int = 0) -> Any:
    """The value with only what JSON and both databases can hold. What lies too deep becomes text."""
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if abs(value) < 2**63 else str(value)
        case Mapping() if depth < DEEPEST:
            return {storable(str(key)): _storable_json(item, depth + 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth < DEEPEST:
            return [_storable_json(item, depth + 1) for item in value]
        case _:
            return storable(str(value))

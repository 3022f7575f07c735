"""From an entry and its verdict to a row: one JSON object, redacted and storable. Runs on the writer's thread."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from services.audit.columns import LARGEST_INTEGER, fitting, storable, time_text
from services.ports import AuditEntry, Json, Verdict
from services.redaction import Redactor

_OPTIONS: Final = orjson.OPT_NON_STR_KEYS
_MAY_HOLD_NUL: Final = b"\\u0000"
DEEPEST: Final = 64


class Finished(NamedTuple):
    """An action that ended and is not in the table yet. `ended_at` is on the monotonic clock."""

    ended_at: float
    entry: AuditEntry
    verdict: Verdict


def row_json(finished: Finished, redactor: Redactor) -> bytes:
    """The row as a JSON object, by column. Never raises: what cannot be written is left out."""
    try:
        return _encoded(_row(finished.entry, finished.verdict, redactor))
    except Exception as exc:  # noqa: BLE001 -- whatever is wrong with a value, that the action happened must be kept
        entry = replace(finished.entry, request_data={"left_out": type(exc).__name__})
        verdict = replace(finished.verdict, response_data=None, error_message=None)
        return _encoded(_row(entry, verdict, redactor))


def _encoded(row: dict[str, Any]) -> bytes:
    try:
        encoded = orjson.dumps(row, default=_plain, option=_OPTIONS)
    except TypeError:  # a lone surrogate, an integer beyond 64 bits, too deep
        encoded = b""
    if encoded and _MAY_HOLD_NUL not in encoded:
        return encoded
    return orjson.dumps(_storable_json(row), option=_OPTIONS)


def _row(entry: AuditEntry, verdict: Verdict, redactor: Redactor) -> dict[str, Any]:
    message = verdict.error_message
    return {
        "action_type": fitting("action_type", entry.action_type),
        "guild_id": fitting("guild_id", entry.guild_id),
        "channel_id": fitting("channel_id", entry.channel_id),
        "user_id": fitting("user_id", entry.user_id),
        "success": verdict.success,
        "error_message": redactor.redact(message) if message is not None else None,
        "request_data": _redacted(entry.request_data, redactor),
        "response_data": _redacted(verdict.response_data, redactor),
        "created_at": time_text(entry.created_at),
        "action_id": fitting("action_id", entry.action_id),
        "client_id": fitting("client_id", entry.client_id),
        "protocol": fitting("protocol", entry.protocol),
        "request_id": fitting("request_id", entry.request_id),
        "idempotency_key": fitting("idempotency_key", entry.idempotency_key),
        "outcome": verdict.outcome.value,
        "error_code": fitting("error_code", verdict.error_code),
        "discord_status": _integer(verdict.discord_status),
        "attempts": _integer(verdict.attempts),
        "duration_ms": _integer(verdict.duration_ms),
    }


def _redacted(value: Json | None, redactor: Redactor) -> Any:
    return None if value is None else redactor.redact_value(dict(value))


def _integer(number: int | None) -> int | None:
    return None if number is None else max(-LARGEST_INTEGER, min(number, LARGEST_INTEGER))


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

"""Rows as a person reads them in a terminal. What callers wrote cannot steer it: control characters are spelled out."""

import json
from dataclasses import asdict
from typing import Final

from services.ports import ActionRow

WIDTHS: Final = (20, 14, 10, 20, 44)
HEADINGS: Final = ("time (UTC)", "action", "outcome", "client", "where", "action id, error")


def heading() -> str:
    """The line above the columns."""
    return _columns(HEADINGS)


def line(row: ActionRow) -> str:
    """A row in columns."""
    time = row.created_at.strftime("%Y-%m-%d %H:%M:%S")
    named = " ".join(filter(None, (row.action_id, row.error_code)))
    return _columns((time, row.action_type, row.outcome or _verdict(row), row.client_id or "-", _where(row), named))


def whole(row: ActionRow) -> str:
    """Every column of a row, one a line; JSON below its name."""
    columns = asdict(row) | {"created_at": row.created_at.isoformat()}
    return "".join(f"{name + ':':<16} {_value(value)}\n" for name, value in columns.items())


def _columns(texts: tuple[str, ...]) -> str:
    padded = (f"{printable(text):<{width}}" for text, width in zip(texts, WIDTHS, strict=False))
    return "  ".join((*padded, printable(texts[-1]))) + "\n"


def _verdict(row: ActionRow) -> str:
    """What rows from before there were outcomes have instead."""
    return "success" if row.success else "failure"


def _where(row: ActionRow) -> str:
    named = (("guild", row.guild_id), ("channel", row.channel_id), ("user", row.user_id))
    return " ".join(f"{name} {value}" for name, value in named if value) or "-"


def _value(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        text = json.dumps(value, indent=2, ensure_ascii=False)
        return "\n".join(printable(part) for part in ["", *text.splitlines()])
    return printable(str(value))


def printable(text: str) -> str:
    """The text with control characters spelled out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)

"""What an operator writes on the command line about a client, read into its bounds."""

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from services.clients.registered import DEFAULT_SCOPES, ClientBounds
from services.clients.registry import NAME
from services.clients.rights import add_places, add_scopes

MOST_PER_MINUTE: Final = 1_000_000
LONGEST_OVERLAP: Final = timedelta(days=30)
DEFAULT_OVERLAP: Final = timedelta(days=1)
DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what says what a client may do."""
    add_scopes(parser, default=", ".join(sorted(DEFAULT_SCOPES)))
    add_places(parser)
    parser.add_argument(
        "--quota", type=_quota, metavar="N", help="actions it may have done in a minute (default: no limit)"
    )
    parser.add_argument(
        "--expires",
        type=_end,
        metavar="WHEN",
        help="when it ends: a duration such as 90d or 12h, or a time such as 2030-01-31T12:00 in UTC (default: never)",
    )


def bounds_of(arguments: argparse.Namespace) -> ClientBounds:
    """The bounds the options name."""
    return ClientBounds(
        _ids(arguments.guild), _ids(arguments.channel), _ids(arguments.role), arguments.quota, arguments.expires
    )


def client_name(text: str) -> str:
    """A client's name."""
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 64 letters, digits, underscores, dots and hyphens")
    return text


def duration(text: str) -> timedelta:
    """A number with its unit: s, m, h or d."""
    read = DURATION.fullmatch(text)
    if read is None:
        raise argparse.ArgumentTypeError("a number and a unit: 90d, 12h, 30m or 45s")
    return timedelta(**{UNITS[read[2]]: int(read[1])})


def overlap(text: str) -> timedelta:
    """How long an older secret stays good."""
    chosen = duration(text)
    if chosen > LONGEST_OVERLAP:
        raise argparse.ArgumentTypeError(f"at most {LONGEST_OVERLAP.days}d")
    return chosen


def _quota(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or not 1 <= int(text) <= MOST_PER_MINUTE:
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST_PER_MINUTE}")
    return int(text)


def _end(text: str) -> datetime:
    now = datetime.now(UTC)
    try:
        end = now + duration(text) if DURATION.fullmatch(text) else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("a duration such as 90d, or a time such as 2030-01-31T12:00") from None
    end = end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
    if end <= now:
        raise argparse.ArgumentTypeError("must be in the future")
    return end


def _ids(chosen: Sequence[str] | None) -> frozenset[str] | None:
    return None if chosen is None else frozenset(chosen)

"""`audit tail|show|export`: what an operator reads of the record, from the command line.

These commands only read: they make no table and change none, so they work with a database user that may only SELECT,
beside a service of another release. JSON goes to standard output as it is, everything else a person should know to
standard error.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from config import DatabaseSettings
from services.audit import listing
from services.audit.export import line as json_line
from services.audit.following import MOST_AT_ONCE, Follower
from services.audit.reader import MOST_ROWS, AuditReader
from services.database import Address, DatabaseThread, Session
from services.errors import AuditUnavailable
from services.exits import EXIT_OK, EXIT_USAGE, failed
from services.ports import ActionFilter, ActionRow
from services.record_filter import ERROR_CODES, FILTERS, OUTCOMES, contradictions, filter_of

EXIT_INTERRUPTED: Final = 130
EXIT_PIPE_CLOSED: Final = 141

NAME: Final = "discord-action-audit"
STATEMENT_SECONDS: Final = 30.0
READ_SECONDS: Final = 40.0
LOOK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 3.0
MOST_LISTED: Final = 10_000
AGE_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the commands to the parser of `audit`; `refused` is run by `refused_command`."""
    chosen = parser.add_subparsers(dest="audit_command", metavar="command", required=True)
    tail = chosen.add_parser("tail", help="print the newest rows, oldest of them first")
    tail.add_argument("-n", "--limit", type=_rows, default=20, metavar="N", help="how many (default: 20)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on as rows are written, until Ctrl-C")
    show = chosen.add_parser("show", help="print one action's row")
    show.add_argument("action_id", metavar="ACTION_ID")
    export = chosen.add_parser("export", help="print every row as a line of JSON, oldest first")
    export.add_argument("--limit", type=_count, metavar="N", help="stop after so many rows")
    refused = chosen.add_parser("refused", help="list the rows the database would not take, kept in JOURNAL_DIR")
    for each in (tail, show, refused):
        each.add_argument("--json", action="store_true", help="print JSON, a row a line")
    for each in (tail, export):
        _add_filters(each)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which rows")
    group.add_argument("--action", type=_filter("action"), metavar="TYPE", help="such as ban_user")
    for name in ("guild", "channel", "user"):
        group.add_argument(f"--{name}", dest=f"{name}_id", type=_filter(f"{name}_id"), metavar="ID")
    group.add_argument("--client", dest="client_id", type=_filter("client_id"), metavar="NAME", help="who asked for it")
    group.add_argument("--outcome", choices=OUTCOMES, metavar="KIND", help=", ".join(OUTCOMES))
    group.add_argument("--error-code", choices=ERROR_CODES, metavar="CODE", help="such as discord_unknown_channel")
    verdict = group.add_mutually_exclusive_group()
    verdict.add_argument("--success", action="store_true", default=None, help="delivered ones")
    verdict.add_argument("--failed", dest="success", action="store_false", default=None, help="all others")
    for name, meaning in (("since", "from then on"), ("until", "before then")):
        told = f"{meaning}: ISO 8601 in UTC, or an age such as 90m, 24h, 7d"
        group.add_argument(f"--{name}", type=_moment, metavar="TIME", help=told)


def run(arguments: argparse.Namespace, settings: DatabaseSettings) -> int:
    """Runs the command that `add_arguments` parsed.

    Returns the exit code: 0; 1 with the reason on stderr, also for an export that is not whole; 2 for filters that
    contradict each other; 130 after Ctrl-C; 141 when nobody reads the output any more.
    """
    try:
        status = asyncio.run(_run(arguments, settings))
        sys.stdout.flush()
    except AuditUnavailable as exc:
        return failed(f"{exc} {exc.__cause__ or ''}".rstrip())
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to flush goes nowhere
        return EXIT_PIPE_CLOSED
    return status


async def _run(arguments: argparse.Namespace, settings: DatabaseSettings) -> int:
    given = {name: value for name, value in vars(arguments).items() if name in FILTERS and value is not None}
    if wrong := contradictions(given):
        return failed("; ".join(f"--{violation.field} {violation.detail}" for violation in wrong), EXIT_USAGE)
    address = Address.parse(settings.url.get_secret_value())
    if address.path is not None and not address.path.exists():
        return failed(f"There is no database at {address.path}.")
    async with _reader(address) as reader:
        match arguments.audit_command:
            case "tail":
                return await _tail(reader, filter_of(given), arguments)
            case "show":
                return await _show(reader, arguments)
            case _:
                return await _export(reader, filter_of(given), arguments.limit)


@asynccontextmanager
async def _reader(address: Address) -> AsyncIterator[AuditReader]:
    session = Session(address, NAME, statement_seconds=STATEMENT_SECONDS, is_read_only=True)
    thread = DatabaseThread(session, NAME)
    try:
        yield AuditReader(thread, read_seconds=READ_SECONDS)
    finally:
        await thread.close()


# ── the commands ──


async def _tail(reader: AuditReader, wanted: ActionFilter, arguments: argparse.Namespace) -> int:
    follower = Follower(reader, wanted)
    await follower.begin()
    rows = await _newest(reader, wanted, arguments.limit)
    follower.note(rows)
    if not arguments.json:
        _print(listing.heading())
    _print_rows(rows, is_json=arguments.json)
    while arguments.follow:
        if len(rows) < MOST_AT_ONCE:
            await asyncio.sleep(LOOK_SECONDS)
        rows = await _written(follower)
        _print_rows(rows, is_json=arguments.json)
    return EXIT_OK


async def _newest(reader: AuditReader, wanted: ActionFilter, count: int) -> list[ActionRow]:
    """The newest rows, oldest of them first."""
    rows: list[ActionRow] = []
    cursor = None
    while len(rows) < count:
        page = await reader.page(wanted, min(count - len(rows), MOST_ROWS), cursor)
        rows += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break
    return rows[::-1]


async def _written(follower: Follower) -> list[ActionRow]:
    """What was written since the last look; nothing, and a word about it, while the database is away."""
    try:
        return await follower.written()
    except AuditUnavailable as exc:
        sys.stderr.write(f"{exc} {exc.__cause__} Trying again.\n")
        await asyncio.sleep(RETRY_SECONDS)
        return []


async def _show(reader: AuditReader, arguments: argparse.Namespace) -> int:
    row = await reader.one(arguments.action_id)
    if row is None:
        return failed("There is no action with this id.")
    _print(json_line(row).decode() if arguments.json else listing.whole(row))
    return EXIT_OK


async def _export(reader: AuditReader, wanted: ActionFilter, most_rows: int | None) -> int:
    async with aclosing(reader.export(wanted, most_rows)) as chunks:
        async for chunk in chunks:
            sys.stdout.buffer.write(chunk)
    return EXIT_OK


def _print_rows(rows: list[ActionRow], *, is_json: bool) -> None:
    _print("".join(json_line(row).decode() if is_json else listing.line(row) for row in rows))


def _print(text: str) -> None:
    """UTF-8 whatever the locale, and at once: somebody watches."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


# ── the options ──


def _filter(name: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return FILTERS[name](text)
        except ValueError as exc:
            raise argparse.ArgumentTypeError(str(exc)) from None

    return read


def _moment(text: str) -> datetime:
    """A time, or an age counted back from now."""
    number, unit = text[:-1], text[-1:]
    if unit in AGE_UNITS and number.isascii() and number.isdecimal() and len(number) < 6:
        return datetime.now(UTC) - timedelta(**{AGE_UNITS[unit]: int(number)})
    moment: datetime = _filter("since")(text)
    return moment


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0):
        raise argparse.ArgumentTypeError("must be a number of at least 1")
    return int(text)


def _rows(text: str) -> int:
    count = _count(text)
    if count > MOST_LISTED:
        raise argparse.ArgumentTypeError(f"must be at most {MOST_LISTED}; `audit export` has no bound")
    return count

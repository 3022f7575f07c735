"""`clients add|list|rotate|revoke`: what an operator does with registered callers, from the command line."""

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Final

from config import DatabaseSettings
from services.clients.listing import described, minute, rights, table
from services.clients.options import DEFAULT_OVERLAP, add_options, bounds_of, client_name, overlap
from services.clients.registered import DEFAULT_SCOPES
from services.clients.registry import ClientExists, ClientRegistry, TooManyClients, UnknownClient
from services.database import Database, DatabaseFailure
from services.exits import EXIT_OK, failed
from services.ports import Scope

START_SECONDS: Final = 10.0
SHOWN_ONCE: Final = "The secret is not stored and cannot be shown again.\n"
BOUND: Final = "Tokens in this name that services mint themselves are bound by this registration, too.\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the four commands to the parser of `clients`."""
    chosen = parser.add_subparsers(dest="clients_command", metavar="command", required=True)
    add = chosen.add_parser("add", help="register a client and print its secret, once")
    every = chosen.add_parser("list", help="list every client: what it may do, when it was last used, when it ends")
    rotate = chosen.add_parser("rotate", help="give a client a new secret and print it, once")
    revoke = chosen.add_parser("revoke", help="take a client's secrets and tokens out of use")
    for each in (add, rotate, revoke):
        each.add_argument("name", type=client_name, metavar="NAME")
    for each in (add, every, rotate):
        each.add_argument("--json", action="store_true", help="print JSON, for scripts")
    add_options(add)
    rotate.add_argument(
        "--overlap",
        type=overlap,
        default=DEFAULT_OVERLAP,
        metavar="DURATION",
        help="how long the secret it has stays good, such as 12h; 0s ends it now (default: 1d)",
    )


def run(arguments: argparse.Namespace, settings: DatabaseSettings) -> int:
    """Runs the command that `add_arguments` parsed. Returns the exit code: 0, or 1 with the reason on stderr."""
    try:
        sys.stdout.write(asyncio.run(_run(arguments, settings)))
    except ClientExists as exc:
        return failed(f"{exc} is registered already; rotate gives it a new secret.")
    except UnknownClient as exc:
        return failed(f"There is no client {exc} that is not revoked.")
    except (DatabaseFailure, TooManyClients) as exc:
        return failed(f"{exc}")
    return EXIT_OK


async def _run(arguments: argparse.Namespace, settings: DatabaseSettings) -> str:
    async with Database(settings.url, start_seconds=START_SECONDS) as database:
        registry = ClientRegistry(database.writer)
        match arguments.clients_command:
            case "add":
                return await _add(registry, arguments)
            case "list":
                listed = await registry.list()
                return _json([described(each) for each in listed]) if arguments.json else table(listed)
            case "rotate":
                return await _rotate(registry, arguments)
            case _:
                await registry.revoke(arguments.name)
                return f"{arguments.name} is revoked. Its tokens stop working within seconds.\n"


async def _add(registry: ClientRegistry, arguments: argparse.Namespace) -> str:
    scopes = sorted(Scope(scope) for scope in arguments.scope or DEFAULT_SCOPES)
    bounds = bounds_of(arguments)
    client_id, secret = await registry.add(arguments.name, scopes, bounds)
    if arguments.json:
        return _json({"client_id": client_id, "client_secret": secret, "scopes": scopes})
    return (
        f"client_id:     {client_id}\n"
        f"client_secret: {secret}\n"
        f"may:           {'; '.join(rights(scopes, bounds))}\n"
        f"expires:       {minute(bounds.expires_at)}\n" + SHOWN_ONCE + BOUND
    )


async def _rotate(registry: ClientRegistry, arguments: argparse.Namespace) -> str:
    secret = await registry.rotate(arguments.name, arguments.overlap)
    until = datetime.now(UTC) + arguments.overlap
    if arguments.json:
        ends = until.isoformat(timespec="seconds")
        return _json({"client_id": arguments.name, "client_secret": secret, "older_secret_until": ends})
    ends = f"is good until {until:%Y-%m-%d %H:%M} UTC" if arguments.overlap else "is no longer good"
    return f"client_id:     {arguments.name}\nclient_secret: {secret}\nThe one before it {ends}.\n" + SHOWN_ONCE


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"

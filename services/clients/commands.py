"""`clients add|list|revoke`: what an operator does with registered callers, from the command line."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from config import DatabaseSettings
from services.clients.registry import (
    DEFAULT_SCOPES,
    NAME,
    ClientExists,
    ClientRegistry,
    RegisteredClient,
    UnknownClient,
)
from services.database import Database, DatabaseFailure
from services.ports import Scope

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
START_SECONDS: Final = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the three commands to the parser of `clients`."""
    chosen = parser.add_subparsers(dest="clients_command", metavar="command", required=True)
    add = chosen.add_parser("add", help="register a client and print its secret, once")
    add.add_argument("name", type=_name, metavar="NAME")
    add.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in Scope],
        metavar="SCOPE",
        help=f"what it may do; repeat for several: {', '.join(Scope)} (default: {', '.join(sorted(DEFAULT_SCOPES))})",
    )
    every = chosen.add_parser("list", help="list every client")
    chosen.add_parser("revoke", help="take a client's secret out of use").add_argument(
        "name", type=_name, metavar="NAME"
    )
    for each in (add, every):
        each.add_argument("--json", action="store_true", help="print JSON, for scripts")


def run(arguments: argparse.Namespace, settings: DatabaseSettings) -> int:
    """Runs the command that `add_arguments` parsed. Returns the exit code: 0, or 1 with the reason on stderr."""
    try:
        sys.stdout.write(asyncio.run(_run(arguments, settings)))
    except ClientExists as exc:
        return _fail(f"{exc} is registered already; revoke it first to give it a new secret.")
    except UnknownClient as exc:
        return _fail(f"There is no client {exc} that could be revoked.")
    except DatabaseFailure as exc:
        return _fail(f"{exc}")
    return EXIT_OK


async def _run(arguments: argparse.Namespace, settings: DatabaseSettings) -> str:
    async with Database(settings.url, start_seconds=START_SECONDS) as database:
        registry = ClientRegistry(database.writer)
        match arguments.clients_command:
            case "add":
                return await _add(registry, arguments)
            case "list":
                return _listing(await registry.list(), is_json=arguments.json)
            case _:
                await registry.revoke(arguments.name)
                return f"{arguments.name} is revoked. Tokens it holds are good until they expire.\n"


async def _add(registry: ClientRegistry, arguments: argparse.Namespace) -> str:
    scopes = sorted(Scope(scope) for scope in arguments.scope or DEFAULT_SCOPES)
    client_id, secret = await registry.add(arguments.name, scopes)
    if arguments.json:
        return _json({"client_id": client_id, "client_secret": secret, "scopes": scopes})
    return (
        f"client_id:     {client_id}\n"
        f"client_secret: {secret}\n"
        f"scopes:        {' '.join(scopes)}\n"
        "The secret is not stored and cannot be shown again.\n"
    )


def _listing(clients: Sequence[RegisteredClient], *, is_json: bool) -> str:
    if is_json:
        return _json([_described(client) for client in clients])
    if not clients:
        return "No client is registered. Register one with: python app.py clients add NAME\n"
    return "".join(_line(client) for client in clients)


def _described(client: RegisteredClient) -> dict[str, object]:
    return {
        "client_id": client.client_id,
        "scopes": sorted(client.scopes),
        "created_at": client.created_at.isoformat(),
        "revoked_at": client.revoked_at.isoformat() if client.revoked_at else None,
    }


def _line(client: RegisteredClient) -> str:
    state = f"revoked {_day(client.revoked_at)}" if client.revoked_at else " ".join(sorted(client.scopes))
    return f"{client.client_id:<32} {_day(client.created_at)}  {state}\n"


def _day(time: datetime) -> str:
    return time.strftime("%Y-%m-%d")


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 64 letters, digits, underscores, dots and hyphens")
    return text


def _fail(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return EXIT_FAILED

"""`token`: mints a token with the module's key, for a service of the platform. It is printed, alone on its line."""

import argparse
import sys
from datetime import timedelta
from typing import Final

from config import AuthSettings
from services.auth.claims import CLIENT_ID
from services.auth.operator import Grant, mint
from services.auth.verifier import LONGEST_TOKEN
from services.clients.options import duration
from services.clients.rights import add_places, add_scopes
from services.exits import EXIT_OK, failed
from services.ports import Scope

DEFAULT_LIFETIME: Final = timedelta(hours=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `token`. Either scopes or --unscoped must be said: everything is never given by omission."""
    parser.add_argument("--subject", type=_subject, required=True, metavar="NAME", help="the caller's name")
    rights = parser.add_mutually_exclusive_group(required=True)
    add_scopes(rights)
    rights.add_argument("--unscoped", action="store_true", help="good for everything: no `scope` claim")
    add_places(parser)
    parser.add_argument(
        "--ttl",
        type=duration,
        default=DEFAULT_LIFETIME,
        metavar="DURATION",
        help="how long it is good for, such as 15m or 30d (default: 1h)",
    )


def run(arguments: argparse.Namespace, settings: AuthSettings) -> int:
    """Prints the token. Returns the exit code: 0, or 1 with the reason on stderr when it would be refused."""
    seconds = arguments.ttl.total_seconds()
    if not 0 < seconds <= settings.longest_lifetime_seconds:
        return failed(f"--ttl must be from 1s to {settings.longest_lifetime_seconds}s (JWT_MAX_LIFETIME_SECONDS).")
    if arguments.unscoped and settings.unscoped_access == "none":
        return failed("JWT_UNSCOPED_ACCESS is none: a token without scopes would be good for nothing.")
    scopes = None if arguments.unscoped else [Scope(scope) for scope in arguments.scope]
    grant = Grant(arguments.subject, scopes, arguments.guild, arguments.channel, arguments.role)
    token = mint(settings, grant, arguments.ttl)
    if len(token) > LONGEST_TOKEN:
        return failed(f"The token would be longer than {LONGEST_TOKEN} characters: name fewer ids.")
    sys.stdout.write(token + "\n")
    return EXIT_OK


def _subject(text: str) -> str:
    if not CLIENT_ID.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 255 characters without control characters")
    return text

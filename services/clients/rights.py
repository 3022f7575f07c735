"""`--scope`, `--guild`, `--channel`, `--role`: what an operator allows a client, or the bearer of a token."""

import argparse
from typing import Any, Protocol

from services.ports import Scope
from services.values import is_snowflake


class Options(Protocol):
    """A parser, or a group of its options."""

    def add_argument(self, *names: str, **words: Any) -> argparse.Action: ...


def add_scopes(options: Options, default: str = "") -> None:
    """Adds --scope. `default` says what is allowed without it, where something is."""
    options.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in Scope],
        metavar="SCOPE",
        help=f"what to allow; repeat for several: {', '.join(Scope)}{f' (default: {default})' if default else ''}. "
        f"{Scope.MENTIONS_EVERYONE} is the right to ping roles, @everyone and @here.",
    )


def add_places(options: Options) -> None:
    """Adds --guild, --channel and --role, each a list that narrows down what is allowed."""
    for name in ("guild", "channel", "role"):
        options.add_argument(
            f"--{name}",
            action="append",
            type=_discord_id,
            metavar="ID",
            help=f"the only {name}s to allow it on or in; repeat for several (default: every {name})",
        )


def _discord_id(text: str) -> str:
    if not is_snowflake(text):
        raise argparse.ArgumentTypeError("an id of Discord's: 1 to 19 digits, at most 2^63-1")
    return text

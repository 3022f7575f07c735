"""The command. `python app.py` serves; `check-config`, `clients`, `token`, `audit` and `limits` are for operators."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

FIRST_PROCESS = 1
EXIT_CONFIGURATION = 2


def _end_when_told() -> None:
    """Lets SIGTERM end the process, as it ends any, also where it is the first of a container.

    Linux spares that one every signal it has no handler for. A stop that came while the rest is imported would be
    forgotten, and the orchestrator would wait for the whole of its grace. Serving puts an orderly stop in its place.
    """
    if os.getpid() == FIRST_PROCESS:
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))


if __name__ == "__main__":
    _end_when_told()

from config import (  # noqa: E402  # takes a while, see above
    ConfigurationError,
    Settings,
    auth_settings,
    database_settings,
    has_bot_token,
    own_address_settings,
    record_settings,
)


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns the exit code: 0, 1 for a failure, 2 for a bad configuration or command line.

    Serving ends the process itself.
    """
    asked = _parser().parse_args(arguments)
    try:
        return _run(asked)
    except ConfigurationError as exc:
        print(exc, file=sys.stderr)
        if [problem.variable for problem in exc.problems] == ["DISCORD_BOT_TOKEN"] and not has_bot_token():
            print("All else is there. Without a token, ./setup.sh run serves against the sandbox.", file=sys.stderr)
        return EXIT_CONFIGURATION


def _run(asked: argparse.Namespace) -> int:
    if asked.command == "clients":
        from services.clients import commands  # noqa: PLC0415  # serving does not need it

        return commands.run(asked, database_settings())
    if asked.command == "audit":
        return _audit(asked)
    if asked.command == "token":
        from services.auth import commands as token_commands  # noqa: PLC0415  # see above

        return token_commands.run(asked, auth_settings())
    if asked.command == "limits":
        from services.lifecycle import limits_command  # noqa: PLC0415  # serving does not need it

        return limits_command.run(asked, *own_address_settings())
    settings = Settings.load()
    if asked.command == "check-config":
        print("The configuration is complete.", settings.summary(), sep="\n")
        return 0
    from services.lifecycle import run  # noqa: PLC0415  # checking a configuration need not load both servers

    return run(settings)


def _audit(asked: argparse.Namespace) -> int:
    if asked.audit_command == "refused":
        from services.audit import refused_command  # noqa: PLC0415  # needs no database

        return refused_command.run(asked, record_settings())
    from services.audit import commands as audit_commands  # noqa: PLC0415  # serving does not need it

    return audit_commands.run(asked, database_settings())


def _parser() -> argparse.ArgumentParser:
    from services.audit import commands as audit_commands  # noqa: PLC0415  # see above
    from services.auth import commands as token_commands  # noqa: PLC0415  # see above
    from services.clients import commands  # noqa: PLC0415  # see above

    parser = argparse.ArgumentParser(
        prog="app.py", description="Discord Action Module: serves when no command is given."
    )
    chosen = parser.add_subparsers(dest="command", metavar="command")
    chosen.add_parser("serve", help="serve gRPC and REST (the default)")
    chosen.add_parser("check-config", help="report every problem of the configuration and exit")
    commands.add_arguments(chosen.add_parser("clients", help="add, list, rotate and revoke registered clients"))
    token_commands.add_arguments(
        chosen.add_parser("token", help="mint a token with the module's key, for a service of the platform")
    )
    limits = chosen.add_parser("limits", help="show what the running module knows of Discord's limits")
    limits.add_argument("--url", help="where its REST port is (default: by HOST and REST_PORT)")
    limits.add_argument("--json", action="store_true", help="print JSON, for scripts")
    audit_commands.add_arguments(chosen.add_parser("audit", help="read the audit log: tail, show, export, refused"))
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

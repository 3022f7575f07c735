"""The module under measurement: `python app.py` as an operator starts it, with its limits raised."""

import http.client
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import jwt

from bench.databases import Database
from bench.programs import Broken, Program, seconds_until
from config import ENV_FILE, Settings, variables
from tests.support.programs import free_port

HIGHEST_LIMIT: Final = "1000000"
PROBE_SECONDS: Final = 5.0
RECORD_SECONDS: Final = 15.0
# What a process needs that is no setting of the module's.
SYSTEM_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


class Module:
    """A module that serves."""

    def __init__(
        self, program: Program, database: Database, environment: Mapping[str, str], start_seconds: float
    ) -> None:
        self.program = program
        self.start_seconds = start_seconds
        self._database = database
        self.grpc_target = f"127.0.0.1:{environment['GRPC_PORT']}"
        self.rest_url = f"http://127.0.0.1:{environment['REST_PORT']}"
        claims = {"client_id": "bench", "exp": int(time.time()) + 3600}
        self.token = jwt.encode(claims, environment["MODULE_SECRET_KEY"], "HS256")

    def wait_for_rows(self, expected: int) -> None:
        """Waits until so many actions are on the record. Raises Broken when they do not come."""
        until = time.monotonic() + RECORD_SECONDS
        while (found := self._database.rows()) < expected:
            if time.monotonic() > until:
                raise self.program.broken(f"recorded {found} of {expected} actions")
            time.sleep(0.02)


@contextmanager
def running_module(
    database: Database,
    upstream_port: int,
    folder: Path,
    command: Sequence[str] = ("app.py",),
    changed: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Module]:
    """The module in front of the upstream, ready, for the length of the block; `changed`: variables. Raises Broken."""
    environment = _environment(database.url, upstream_port, folder) | dict(changed)
    _require_no_other_settings(environment)
    port = int(environment["REST_PORT"])
    with Program("the module", command, folder / "module.log", environment) as program:
        start_seconds = seconds_until(lambda: _is_ready(port), program)
        yield Module(program, database, environment, start_seconds)


def _environment(database_url: str, upstream_port: int, folder: Path) -> dict[str, str]:
    """The defaults, said aloud so that no `.env` changes them, and what a measurement needs otherwise."""
    system = {name: os.environ[name] for name in SYSTEM_VARIABLES if name in os.environ}
    defaults = {each.name: str(each.default) for each in variables() if each.default not in {None, ""}}
    return (
        system
        | defaults
        | {
            "DISCORD_BOT_TOKEN": "a-bot-token-for-measurements-only",
            "DISCORD_API_BASE": f"http://127.0.0.1:{upstream_port}/api/v10",
            "DISCORD_RATE_LIMIT_GLOBAL": HIGHEST_LIMIT,
            "DISCORD_RATE_LIMIT_PER_CHANNEL": HIGHEST_LIMIT,
            "MODULE_SECRET_KEY": secrets.token_hex(48),
            "DATABASE_URL": database_url,
            "JOURNAL_DIR": str(folder / "journal"),
            "HOST": "127.0.0.1",
            "GRPC_PORT": str(free_port()),
            "REST_PORT": str(free_port()),
            "SHUTDOWN_PAUSE": "0",
        }
    )


def _require_no_other_settings(environment: Mapping[str, str]) -> None:
    """Raises Broken when `.env` sets what has no default that could be said aloud, such as REDIS_URL."""
    if Settings.load(ENV_FILE, environment) != Settings.load(None, environment):
        raise Broken(f"{ENV_FILE.name} sets more than a measurement sets; move it away while measuring")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()

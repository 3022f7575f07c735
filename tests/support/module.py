"""The whole module in this process: real servers on free ports, a real database, the sandbox behind."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import jwt

from config import Settings
from sandbox import Sandbox
from services.lifecycle.build import House, build
from services.lifecycle.connection import ConnectionBounds
from services.lifecycle.stopping import BoundedStack, Stop
from services.ports import ActionRow

KEY = "a-key-for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP"
LIFETIME_SECONDS = 3600
VISIBLE_WITHIN_SECONDS = 15.0
GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RunningModule:
    """A module that serves."""

    house: House
    grpc_port: int
    rest_port: int

    @property
    def grpc_target(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.rest_port}"

    async def row(self, action_id: str) -> ActionRow:
        """The row of an action; it may take a moment to appear."""
        gives_up = time.monotonic() + VISIBLE_WITHIN_SECONDS
        while time.monotonic() < gives_up:
            if row := await self.house.query.one(action_id):
                return row
            await asyncio.sleep(0.02)
        raise AssertionError(f"no row of {action_id} within {VISIBLE_WITHIN_SECONDS} s")


def token(**claims: Any) -> str:
    """A token of the router's, or one with the claims named."""
    return jwt.encode(
        {"client_id": "router", "exp": int(time.time()) + LIFETIME_SECONDS} | claims, KEY, algorithm="HS256"
    )


def environment(sandbox: Sandbox, database_url: str, **variables: str) -> dict[str, str]:
    return {
        "DISCORD_BOT_TOKEN": sandbox.options.token,
        "DISCORD_API_BASE": sandbox.base_url,
        "MODULE_SECRET_KEY": KEY,
        "DATABASE_URL": database_url,
        "JOURNAL_DIR": _folder_of(database_url),
        "HOST": "127.0.0.1",
        "GRPC_PORT": "0",
        "REST_PORT": "0",
        "RETRY_DELAY": "0.05",
    } | variables


def _folder_of(database_url: str) -> str:
    """A folder for what the module keeps on disk: the same one for the same SQLite file, else a new one."""
    path = database_url.partition("sqlite:///")[2]
    return f"{path}.journal" if path else tempfile.mkdtemp(prefix="journal-")


@asynccontextmanager
async def running_module(sandbox: Sandbox, database_url: str, **variables: str) -> AsyncIterator[RunningModule]:
    """The module in front of `sandbox`; `variables` are environment variables beside the usual ones."""
    async with bounded_module(sandbox, database_url, None, **variables) as running:
        yield running


@asynccontextmanager
async def bounded_module(
    sandbox: Sandbox, database_url: str, connections: ConnectionBounds | None, **variables: str
) -> AsyncIterator[RunningModule]:
    """The module with other bounds on the REST port's connections."""
    settings = Settings.load(env_file=None, environ=environment(sandbox, database_url, **variables))
    async with BoundedStack(Stop(pause_seconds=0, grace_seconds=GRACE_SECONDS)) as stack:
        house = await build(settings, stack)
        if connections is not None:
            house.rest.connections.bounds = connections
        grpc_port, rest_port = await house.open_ports()
        try:
            yield RunningModule(house, grpc_port, rest_port)
        finally:
            await house.wind_down()

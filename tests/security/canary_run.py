"""The real program with a canary in every place that holds a secret, and everything it leaves behind."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import redis

from sandbox import Options, Sandbox
from tests.observability.collector import Collector, collector
from tests.security.canaries import MARK, Canaries
from tests.support.postgres import PostgresServer
from tests.support.process import START_SECONDS, Program, program
from tests.support.programs import free_port
from tests.support.valkey import ValkeyServer

SABOTAGE = Path(__file__).with_name("sabotage")
SYSLOG_BYTES = 65_536


@dataclass(slots=True)
class CanaryRun:
    """What stands around the program, and what it was told."""

    canaries: Canaries
    folder: Path
    sandbox: Sandbox
    valkey: ValkeyServer
    postgres: PostgresServer
    database: str
    collected: Collector
    syslog: socket.socket
    log_format: str
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    places: dict[str, bytes] = field(default_factory=dict)
    """Everything that was left behind, by where."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment. Secrets come from files, as an orchestrator gives them."""
        password, redis_password = quote(self.canaries.database_password, safe=""), quote(self.canaries.redis_password)
        secrets = {
            "DISCORD_BOT_TOKEN": self.canaries.bot_token,
            "MODULE_SECRET_KEY": self.canaries.key,
            "MODULE_SECRET_KEY_PREVIOUS": self.canaries.previous_key,
            "DATABASE_URL": f"postgresql://postgres:{password}@127.0.0.1:{self.postgres.port}/{self.database}",
            "REDIS_URL": f"redis://:{redis_password.replace('/', '%2F')}@127.0.0.1:{self.valkey.port}/0",
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-collector-key={self.canaries.collector_token}",
        }
        return self._files_of(secrets) | {
            "DISCORD_API_BASE": self.sandbox.base_url,
            "HOST": "127.0.0.1",
            "GRPC_PORT": str(self.ports[0]),
            "REST_PORT": str(self.ports[1]),
            "RETRY_DELAY": "0.01",
            "DISCORD_RATE_LIMIT_GLOBAL": "10000",
            "DISCORD_RATE_LIMIT_PER_CHANNEL": "10000",
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": self.log_format,
            "LOG_DIR": str(self.folder / "logs"),
            "ENABLE_SYSLOG": "true",
            "SYSLOG_HOST": "127.0.0.1",
            "SYSLOG_PORT": str(self.syslog.getsockname()[1]),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collected.url,
            "SHUTDOWN_GRACE": "2",
        }

    def _files_of(self, secrets: dict[str, str]) -> dict[str, str]:
        folder = self.folder / "secrets"
        folder.mkdir(exist_ok=True)
        for name, secret in secrets.items():
            (folder / name).write_text(secret)
        return {f"{name}_FILE": str(folder / name) for name in secrets}

    def keep(self, place: str, content: bytes | str) -> None:
        """Keeps what was left behind somewhere."""
        self.places[place] = self.places.get(place, b"") + (content if isinstance(content, bytes) else content.encode())

    def keep_process(self, started: Program) -> None:
        """What anybody on the machine can see of the process."""
        for name in ("environ", "cmdline"):
            self.keep(f"/proc {name}", Path(f"/proc/{started.process.pid}/{name}").read_bytes())

    def keep_printed(self, what: str, started: Program) -> None:
        """What the program wrote to its two outputs."""
        self.keep(f"{what}, stdout", "\n".join(json.dumps(line) for line in started.lines))
        self.keep(f"{what}, stdout as read", "\n".join(str(line) for line in started.lines))
        self.keep(f"{what}, stderr", "\n".join(started.errors))

    def keep_stores(self) -> None:
        """Every row of every table, and everything Redis has."""
        with _connected(self.postgres, self.database) as cursor:
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")  # noqa: S608 -- names of our own tables
                self.keep(f"table {table}", "\n".join(row for (row,) in cursor.fetchall()))
        with redis.Redis(port=self.valkey.port, password=self.canaries.redis_password) as server:
            self.keep("redis", "\n".join(_all_of(server)))

    def refuse_rows_of(self, channel_id: str) -> None:
        """Makes the database refuse rows, with an error that quotes them."""
        rule = f"ALTER TABLE discord_actions ADD CHECK (channel_id <> '{channel_id}') NOT VALID"
        self.postgres.execute(rule, self.database)

    def keep_files(self) -> None:
        """Log files, the journal, the key file: every byte below the log folder."""
        for path in (self.folder / "logs").rglob("*"):
            if path.is_file():
                self.keep(f"file {path.relative_to(self.folder)}", path.read_bytes())

    def keep_arrivals(self) -> None:
        """What reached syslog, the collector of traces, and Discord beside its Authorization."""
        with _not_blocking(self.syslog):
            while datagram := _received(self.syslog):
                self.keep("syslog", datagram + b"\n")
        for body in self.collected.bodies:
            self.keep("traces", body)
        self.reset_sandbox()

    def reset_sandbox(self) -> None:
        """Keeps what Discord was asked, and gives it a fresh world."""
        asked = [
            json.dumps([record.method, record.path, record.query, record.headers, record.body])
            for record in self.sandbox.requests
        ]
        self.keep("requests to Discord", "\n".join(asked))
        self.sandbox.reset()


@contextmanager
def _connected(server: PostgresServer, database: str) -> "Iterator[psycopg2.extensions.cursor]":
    connection = psycopg2.connect(server.url(database), connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _all_of(server: "redis.Redis") -> Iterator[str]:
    readers: dict[object, Callable[[Any], object]] = {
        b"string": server.get,
        b"hash": server.hgetall,
        b"list": lambda key: server.lrange(key, 0, -1),
        b"set": server.smembers,
        b"zset": lambda key: server.zrange(key, 0, -1, withscores=True),
        b"stream": server.xrange,
        b"none": lambda key: "it expired meanwhile",
    }
    for key in server.scan_iter():
        yield f"{key!r} {readers[server.type(key)](key)!r}"


@contextmanager
def _not_blocking(listener: socket.socket) -> Iterator[None]:
    listener.setblocking(False)
    try:
        yield
    finally:
        listener.setblocking(True)


def _received(listener: socket.socket) -> bytes:
    try:
        return listener.recv(SYSLOG_BYTES)
    except BlockingIOError:
        return b""


@asynccontextmanager
async def canary_run(folder: Path, postgres: PostgresServer, log_format: str) -> AsyncIterator[CanaryRun]:
    """Everything around the program: a sandbox, a Valkey with a password, a database, syslog, a collector."""
    canaries = Canaries()
    valkey = ValkeyServer(folder)
    valkey.start()
    with redis.Redis(port=valkey.port) as server:
        server.config_set("requirepass", canaries.redis_password)
    url = postgres.take_database()
    async with AsyncExitStack() as stack:
        stack.callback(postgres.return_database, url)
        stack.callback(valkey.stop)
        sandbox = await stack.enter_async_context(
            Sandbox.serving(Options(token=canaries.bot_token, limits_enabled=False))
        )
        kept = await stack.enter_async_context(collector())
        listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        listener.bind(("127.0.0.1", 0))
        yield CanaryRun(canaries, folder, sandbox, valkey, postgres, url.rpartition("/")[2], kept, listener, log_format)


@asynccontextmanager
async def sabotaged_program(run: CanaryRun) -> AsyncIterator[Program]:
    """The program once it serves, in whichever form it logs; what carries the mark breaks inside."""
    async with program(run.variables | {"PYTHONPATH": str(SABOTAGE), "CANARY_MARK": MARK}) as started:
        started.grpc_port, started.rest_port = run.ports
        async with asyncio.timeout(START_SECONDS):
            while not any("serving" in str(line.get("message")) for line in started.lines):
                assert started.process.returncode is None, started.errors
                await asyncio.sleep(0.02)
        yield started

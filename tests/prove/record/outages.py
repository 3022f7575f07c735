"""Ways in which PostgreSQL fails for a while."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass

import psycopg2

from tests.support.postgres import PostgresServer

BETWEEN_CUTS_SECONDS = 0.5
FILL_SECONDS = 10.0
MOST_CONNECTIONS = 100


@dataclass(frozen=True, slots=True)
class Outage:
    """One failure of a server: for so many seconds, as far as the database of `url` is concerned."""

    server: PostgresServer
    url: str
    seconds: float

    @property
    def database(self) -> str:
        return self.url.rpartition("/")[2]

    def stopped(self) -> None:
        self.server.stop()
        time.sleep(self.seconds)
        self.server.start()

    def killed(self) -> None:
        self.server.kill()
        time.sleep(self.seconds)
        self.server.start()

    def frozen(self) -> None:
        self.server.pause()
        time.sleep(self.seconds)
        self.server.resume()

    def cut_again_and_again(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            self.server.disconnect_all(self.database)
            time.sleep(BETWEEN_CUTS_SECONDS)

    def locked(self) -> None:
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("LOCK TABLE discord_actions IN ACCESS EXCLUSIVE MODE")
            time.sleep(self.seconds)

    def read_only(self) -> None:
        self.server.execute(f"ALTER DATABASE {self.database} SET default_transaction_read_only = on")
        self.server.disconnect_all(self.database)
        time.sleep(self.seconds)
        self.server.execute(f"ALTER DATABASE {self.database} RESET default_transaction_read_only")
        self.server.disconnect_all(self.database)

    def out_of_connections(self) -> None:
        """Every connection but one is taken, then the module's are cut until the last is taken, too."""
        with ExitStack() as taken:
            first = taken.enter_context(closing(psycopg2.connect(self.server.url())))
            first.autocommit = True
            self._take_all(taken, first)
            time.sleep(self.seconds)

    def _take_all(self, taken: ExitStack, first: psycopg2.extensions.connection) -> None:
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
        until = time.monotonic() + FILL_SECONDS
        with first.cursor() as cursor:
            while time.monotonic() < until:
                self._take_what_is_free(taken)
                cursor.execute(cut, (self.database,))
                found = cursor.fetchone()
                if found == (0,):
                    return
        raise AssertionError("connections were left over")

    def _take_what_is_free(self, taken: ExitStack) -> None:
        for _ in range(MOST_CONNECTIONS):
            try:
                taken.enter_context(closing(psycopg2.connect(self.server.url())))
            except psycopg2.OperationalError:
                return


OUTAGES: Mapping[str, Callable[[Outage], None]] = {
    "stopped and restarted": Outage.stopped,
    "kill -9": Outage.killed,
    "frozen": Outage.frozen,
    "connections cut": Outage.cut_again_and_again,
    "table locked": Outage.locked,
    "read-only": Outage.read_only,
    "out of connections": Outage.out_of_connections,
}


async def play(name: str, server: PostgresServer, url: str, seconds: float) -> None:
    """One outage from beginning to end."""
    await asyncio.to_thread(OUTAGES[name], Outage(server, url, seconds))

"""From DATABASE_URL to what PyDAL and its drivers want.

PyDAL takes a URL apart with a pattern of its own, which knows no `postgresql://`, no URL without a user, and of the
parameters only `sslmode`; a missing password breaks its decoding. So its URL is written anew from the parts, and every
parameter of ours (such as `?sslmode=verify-full&sslrootcert=…`) goes straight to libpq.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

CONNECT_SECONDS: Final = 3

LIVENESS: Final[Mapping[str, int]] = {
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 5000,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
"""When libpq notices that the server's machine is gone. tcp_user_timeout is in milliseconds, the rest in seconds."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is. `shown` is fit for a log; `path` is set for SQLite only."""

    shown: str
    uri: str = field(repr=False)
    driver_args: Mapping[str, Any] = field(repr=False)
    path: Path | None = None

    @property
    def is_sqlite(self) -> bool:
        return self.path is not None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Reads `postgresql://…`, `postgres://…` or `sqlite:///path`. Raises ValueError for anything else."""
        scheme = url.partition("://")[0]
        if scheme == "sqlite":
            return cls._sqlite(Path(url.removeprefix("sqlite:///")).absolute())
        if scheme in {"postgresql", "postgres"}:
            return cls._postgresql(urlsplit(url))
        raise ValueError("the database URL must start with postgresql:// or sqlite:///")

    @classmethod
    def _sqlite(cls, path: Path) -> Self:
        # Times are read as they are stored: a converter that fails would make a whole page unreadable.
        return cls(shown=f"sqlite:///{path}", uri=f"sqlite://{path}", driver_args={"detect_types": 0}, path=path)

    @classmethod
    def _postgresql(cls, parts: SplitResult) -> Self:
        options: dict[str, Any] = dict(parse_qsl(parts.query))
        user = unquote(parts.username or "") or options.pop("user", "") or getpass.getuser()
        password = unquote(parts.password or "") or options.pop("password", "")
        database = unquote(parts.path.strip("/")) or options.pop("dbname", "")
        host, port = _host_and_port(parts, options)
        place, where = _place(host, port)
        return cls(
            shown=f"postgresql://{user}@{host}:{port}/{database}",
            uri=f"postgres3://{_quoted(user)}:{_quoted(password)}@{place.format(database=database)}",
            driver_args={**LIVENESS, **where, **options},
        )


def _host_and_port(parts: SplitResult, options: dict[str, Any]) -> tuple[str, int]:
    """Takes host and port out of the URL or its parameters; a socket's file becomes its directory and port."""
    host = options.pop("host", "") or unquote(parts.hostname or "")
    port = int(parts.port or options.pop("port", 0) or 5432)
    socket = Path(options.pop("unix_socket", ""))
    if not socket.name:
        return host, port
    suffix = socket.suffix.removeprefix(".")
    return str(socket.parent), int(suffix) if suffix.isdecimal() else port


def _place(host: str, port: int) -> tuple[str, dict[str, Any]]:
    """The part of PyDAL's URL after the @, and what libpq needs beside it."""
    if host.startswith("/"):
        return f"/{{database}}?unix_socket={host}/.s.PGSQL.{port}", {"port": port}
    if ":" in host:
        return f"[{host}]:{port}/{{database}}", {"hostaddr": host}
    return f"{host}:{port}/{{database}}", {}


def _quoted(credential: str) -> str:
    return quote(credential, safe="")

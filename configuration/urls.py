"""Rules of URLs. Each returns the URL in its final form or raises ValueError with the cure.

What a client would take but could not use is refused here, where the variable can still be named. No message repeats
a URL: its password would end up on a terminal and in logs.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, unquote_plus, urlsplit

from configuration.values import ROOT, host, is_loopback

LIBPQ_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
"""https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""

REDIS_PARAMETERS: Final = frozenset({"db"})
REDIS_TLS_PARAMETERS: Final = frozenset(
    {"ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile"}
)
"""What redis-py reads of a URL and this module leaves to the operator; the rest it sets itself.

https://redis.readthedocs.io/en/stable/connections.html#redis.connection.ConnectionPool.from_url
"""

PASSWORD_PARAMETERS: Final = frozenset({"password", "sslpassword"})
"""What libpq takes as a parameter and is a secret."""

PLAIN_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
"""The characters a URL is written with: https://www.rfc-editor.org/rfc/rfc3986#section-2"""


def api_base(value: str, *, allows_http: bool) -> str:
    """Accepts the root of Discord's API: https, or http to this machine or where it was allowed.

    Without a slash at the end, so that a path can be appended.
    """
    if not PLAIN_URL.fullmatch(value):
        raise ValueError("must be a URL of plain characters: no blanks, and no braces but {version}")
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as https://discord.com/api/v10")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not carry a user, a query or a fragment")
    if {".", ".."} & set(unquote(parts.path).split("/")):
        raise ValueError("must not have . or .. in its path")
    _require_host(parts.hostname)
    if parts.scheme == "http" and not allows_http and not is_loopback(parts.hostname):
        raise ValueError("must be https; plain http only to loopback, or with DISCORD_API_ALLOW_HTTP=true")
    return value.rstrip("/")


def database_url(value: str) -> str:
    """Accepts a PostgreSQL or SQLite URL; a relative SQLite path becomes absolute, from the repository."""
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite":
        return _sqlite_url(rest)
    if scheme not in {"postgresql", "postgres"}:
        raise ValueError("must start with postgresql:// or sqlite:///")
    parts = _split(value)
    if not parts.hostname and "host=" not in parts.query and "unix_socket=" not in parts.query:
        raise ValueError("must name a host: postgresql://user:password@host:5432/database")
    if not parts.path.strip("/"):
        raise ValueError("must name a database: postgresql://user:password@host:5432/database")
    _check_parameters(parts)
    return value


def redis_url(value: str) -> str:
    """Accepts what redis-py can connect with. The parameters it would not understand until then are refused."""
    scheme = value.partition("://")[0]
    if scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must start with redis://, rediss:// or unix://")
    parts = _split(value)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = REDIS_PARAMETERS | REDIS_TLS_PARAMETERS if scheme == "rediss" else REDIS_PARAMETERS
    if unknown := sorted(parameters.keys() - known):
        raise ValueError(f"must not have the parameter {unknown[0][:40]!r}; {' and '.join(sorted(known))} may be set")
    number = parameters.get("db", "0" if scheme == "unix" else parts.path.strip("/") or "0")
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise ValueError("must end in the number of a database, such as redis://host:6379/0")
    if scheme == "unix" and not parts.path.strip("/"):
        raise ValueError("must name a socket: unix:///run/redis/redis.sock")
    return value


def collector_url(value: str) -> str:
    """Accepts the root of a collector of traces. A secret belongs in its headers, not in here."""
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as http://localhost:4318")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not carry a user, a query or a fragment")
    return value.rstrip("/")


def passwords_of(url: str) -> tuple[str, ...]:
    """The passwords of a URL, before the @ and among the parameters, as they are written there and as they are."""
    parts = _split(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    written = [parts.password, *(value for name, _, value in pairs if name in PASSWORD_PARAMETERS)]
    return tuple(dict.fromkeys(form for password in written if password for form in (password, unquote_plus(password))))


def _split(url: str) -> SplitResult:
    """Takes a URL apart. The standard errors are not passed on: they quote pieces that may be a password."""
    if not url.isprintable() or " " in url:
        raise ValueError("must not have blanks or control characters; write them percent-encoded")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL; write special characters in a password percent-encoded") from None
    return parts


def _sqlite_url(rest: str) -> str:
    if not rest.startswith("/") or not rest.strip("/") or ":memory:" in rest:
        raise ValueError("must name a file after three slashes: sqlite:///data/discord_actions.db")
    if not rest.isprintable():
        raise ValueError("must not have control characters")
    return f"sqlite:///{ROOT / rest[1:]}"


def _check_parameters(parts: SplitResult) -> None:
    """Raises ValueError for a parameter that libpq would refuse at every attempt to connect."""
    if parts.fragment:
        raise ValueError("must not have a fragment; write # in a password as %23")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, choices in LIBPQ_CHOICES.items():
        if name in parameters and parameters[name] not in choices:
            raise ValueError(f"must have {name} = {', '.join(choices[:-1])} or {choices[-1]}")
    port = parameters.get("port", "5432")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError("must have a port from 1 to 65535")


def _require_host(name: str) -> None:
    try:
        host(name)
    except ValueError:
        raise ValueError("must have the name or the address of a host, such as https://discord.com/api/v10") from None

"""Rules of single values. Each returns the value in its final form or raises ValueError with the cure.

No message repeats a value that may be secret: they end up on a terminal and in logs.
"""

import ipaddress
import re
from logging.handlers import SysLogHandler
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

ROOT = Path(__file__).resolve().parent.parent
"""The repository: relative paths in settings start here, wherever the process was started."""

SHORTEST_KEY_CHARACTERS = 64
PLACEHOLDER = re.compile(r"^<|changeme|yoursecret|replaceme|placeholder|examplekey", re.IGNORECASE)
MODULE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})


def signing_key(value: str) -> str:
    """Accept a key that nobody can guess or find in a manual.

    Fewer than 64 characters is refused, and so is what documentation and examples are full of.
    """
    if len(value) < SHORTEST_KEY_CHARACTERS:
        raise ValueError(
            f"must have at least {SHORTEST_KEY_CHARACTERS} characters, this one has {len(value)}; "
            "make one with: openssl rand -hex 48"
        )
    if PLACEHOLDER.search(re.sub(r"[\s_-]", "", value)) or len(set(value)) == 1:
        raise ValueError("is a placeholder; make a key with: openssl rand -hex 48")
    return value


def bot_token(value: str) -> str:
    """Accept a bare bot token: the word `Bot` in front belongs to the header, and a blank would break it."""
    if value.lower().startswith("bot "):
        raise ValueError("must be the token alone, without the word 'Bot' in front")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be printable ASCII without blanks")
    return value


def module_name(value: str) -> str:
    """Accept a name that can also name a log file."""
    if not MODULE_NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit")
    return value


def host(value: str) -> str:
    """Accept an address or a host name, without scheme and port."""
    if "/" in value or any(character.isspace() for character in value):
        raise ValueError("must be an address or a host name alone, such as 0.0.0.0")
    return value


def api_base(value: str, *, allows_http: bool) -> str:
    """Accept the root of Discord's API: https, or http to this machine or where it was allowed.

    Without a slash at the end, so that a path can be appended.
    """
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL such as https://discord.com/api/v10")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must not carry a user, a query or a fragment")
    if parts.scheme == "http" and not allows_http and not is_loopback(parts.hostname):
        raise ValueError("must be https; plain http only to loopback, or with DISCORD_API_ALLOW_HTTP=true")
    return value.rstrip("/")


def is_loopback(hostname: str) -> bool:
    """Tell whether a host name stands for this machine, without asking a name server."""
    if hostname.lower() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False


def database_url(value: str) -> str:
    """Accept a PostgreSQL or SQLite URL; a relative SQLite path becomes absolute, from the repository."""
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
    return value


def password_of(url: str) -> str | None:
    """Give the password of a URL as it is written there; None where there is none."""
    return _split(url).password


def _split(url: str) -> SplitResult:
    """Take a URL apart. The standard errors are not passed on: they quote pieces that may be a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL; write special characters in a password percent-encoded") from None
    return parts


def _sqlite_url(rest: str) -> str:
    if not rest.startswith("/") or not rest.strip("/") or ":memory:" in rest:
        raise ValueError("must name a file after three slashes: sqlite:///data/discord_actions.db")
    return f"sqlite:///{ROOT / rest[1:]}"


def redis_url(value: str) -> str:
    """Accept what redis-py accepts."""
    if value.partition("://")[0] not in {"redis", "rediss", "unix"}:
        raise ValueError("must start with redis://, rediss:// or unix://")
    return value


def readable_file(value: Path) -> Path:
    """Accept a file that can be opened now, not only when the first client calls."""
    path = from_root(value)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"names a file that cannot be read: {path} ({error.strerror})") from error


def from_root(value: Path) -> Path:
    """Anchor a relative path to the repository."""
    return ROOT / value.expanduser()


def upper(value: object) -> object:
    """Let names of levels be written in either case."""
    return value.upper() if isinstance(value, str) else value


def facility(value: str) -> str:
    """Accept a syslog facility in either case."""
    name = value.upper()
    if name.lower() not in SysLogHandler.facility_names:
        raise ValueError("must be a syslog facility such as LOCAL0, USER or DAEMON")
    return name

"""Rules of single values. Each returns the value in its final form or raises ValueError with the cure."""

import ipaddress
import re
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
"""The repository: relative paths in settings start here, wherever the process was started."""

MODULE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MODULE_VERSION: Final = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")
TOKEN_NAME: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
HOST_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$)(?:{HOST_LABEL}\.)*(?=[^.]*[A-Za-z_]){HOST_LABEL}\.?")
"""A name in DNS, or a container's with an underscore. Its last part is no number: it would be a broken address.

https://www.rfc-editor.org/rfc/rfc1123#section-2.1
"""

LOOPBACK_NAMES: Final = frozenset({"localhost", "ip6-localhost"})


def module_name(value: str) -> str:
    """Accepts a name that can also name a log file."""
    if not MODULE_NAME.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit")
    return value


def module_version(value: str) -> str:
    """Accepts a version that fits into a header and a label of a metric."""
    if not MODULE_VERSION.fullmatch(value):
        raise ValueError("must be 1 to 64 characters of printable ASCII, without blanks around it")
    return value


def token_name(value: str) -> str:
    """Accepts the name of an audience or an issuer: often a URL, never with blanks around it."""
    if not TOKEN_NAME.fullmatch(value):
        raise ValueError("must be 1 to 255 characters of printable ASCII, without blanks around it")
    return value


def networks(value: object) -> object:
    """Accepts addresses and networks, separated by commas or blanks, each once."""
    if not isinstance(value, str):
        return value
    found = []
    for word in value.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise ValueError(
                f"must be addresses or networks such as 10.0.0.0/8, separated by commas: {error}"
            ) from error
    return tuple(dict.fromkeys(found))


def host(value: str) -> str:
    """Accepts an address or a host name, without scheme, brackets and port."""
    if not is_address(value) and not HOST_NAME.fullmatch(value):
        raise ValueError("must be an address or a host name alone, such as 0.0.0.0 or ::, without brackets and port")
    return value


def is_address(value: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def is_loopback(hostname: str) -> bool:
    """Whether a host name stands for this machine, without asking a name server."""
    if hostname.lower() in LOOPBACK_NAMES:
        return True
    return is_address(hostname) and ipaddress.ip_address(hostname).is_loopback


def readable_file(value: Path) -> Path:
    """Accepts a file that can be opened now, not only when the first client calls."""
    path = from_root(value)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"names a file that cannot be read: {path} ({error.strerror})") from error


def from_root(value: Path) -> Path:
    """Anchors a relative path to the repository, and `~` to the home folder it stands for."""
    if not str(value).isprintable():
        raise ValueError("must be a path without control characters")
    try:
        return ROOT / value.expanduser()
    except RuntimeError:
        raise ValueError(f"names a home folder that is not known here: {value}; write the whole path") from None


def upper(value: object) -> object:
    """Lets names of levels be written in either case."""
    return value.upper() if isinstance(value, str) else value


def facility(value: str) -> str:
    """Accepts a syslog facility in either case."""
    name = value.upper()
    if name.lower() not in SysLogHandler.facility_names:
        raise ValueError("must be a syslog facility such as LOCAL0, USER or DAEMON")
    return name

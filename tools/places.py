"""Where a running instance is: its ports, its addresses, and a first action to try."""

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta

from config import AuthSettings, ServerSettings, Settings
from services.auth.operator import Grant, mint
from services.ports import Scope

CALLER = "first-steps"
TOKEN_SECONDS = 3600
CHANNEL = "123"
"""A channel that every sandbox has."""

type Condition = Callable[[], bool]


class CannotRunError(Exception):
    """The service cannot be run here and now; the text says why and what to do."""


def require_free_ports(settings: Settings, sandbox_port: int | None) -> None:
    """Raises CannotRunError that names all of our ports that something listens on, a line for each."""
    servers = settings.servers
    wanted = [("GRPC_PORT", servers.host, servers.grpc_port), ("REST_PORT", servers.host, servers.rest_port)]
    if sandbox_port is not None:
        wanted.append(("SANDBOX_PORT", "127.0.0.1", sandbox_port))
    taken = [_taken(variable, port) for variable, host, port in wanted if port and not _is_free(host, port)]
    if taken:
        raise CannotRunError("\n  ".join(taken))


def _taken(variable: str, port: int) -> str:
    return (
        f"{variable} {port} is taken. Choose another ({variable}=… in front of the command"
        f"{', or in .env' if variable != 'SANDBOX_PORT' else ''}), "
        f"or stop what listens there; this shows it: ss -ltnp 'sport = :{port}'"
    )


def _is_free(host: str, port: int) -> bool:
    """Tries to listen there. A port in TIME_WAIT counts as free, as it does for the servers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def answers_tcp(port: int) -> bool:
    """Whether something on this machine accepts connections on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def is_ready(settings: Settings) -> bool:
    """Asks /health/ready. The certificate is not checked: this asks our own process on our own machine."""
    context = ssl._create_unverified_context() if settings.servers.tls else None  # noqa: S323, SLF001 -- see above  # nosec B323
    try:
        with urllib.request.urlopen(f"{rest_url(settings.servers)}/health/ready", timeout=2, context=context):  # noqa: S310 -- built from our own settings  # nosec B310
            return True
    except (OSError, urllib.error.URLError):
        return False


def rest_url(servers: ServerSettings) -> str:
    """Gives the address of REST, as this machine reaches it."""
    return f"{'https' if servers.tls else 'http'}://{_reachable(servers.host)}:{servers.rest_port}"


def _reachable(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 -- compared, not bound  # nosec B104
        return "localhost"
    return f"[{host}]" if ":" in host else host


def token(auth: AuthSettings) -> str:
    """Signs a caller's token for an hour (less where tokens may not last as long), good for every action."""
    lifetime = timedelta(seconds=min(TOKEN_SECONDS, auth.longest_lifetime_seconds))
    return mint(auth, Grant(CALLER, None if auth.unscoped_access == "all" else tuple(Scope)), lifetime)


def summary(settings: Settings, sandbox_port: int | None) -> str:
    """Says where everything is, with a command that acts."""
    rest = rest_url(settings.servers)
    sandbox_page = f"sandbox  http://127.0.0.1:{sandbox_port}/  (open it: what arrives is shown as it happens)"
    target = sandbox_page if sandbox_port else f"Discord  {settings.discord.api_base}"
    channel = CHANNEL if sandbox_port else "<channel id>"
    options = f" --cacert {settings.servers.tls.cert_file}" if settings.servers.tls else ""
    return f"""
Ready.
  gRPC     {_reachable(settings.servers.host)}:{settings.servers.grpc_port}
  REST     {rest}/api/v1
  docs     {rest}/docs
  {target}

A first action (the token is good for an hour):

  curl -sS{options} {rest}/api/v1/message \\
    -H 'Authorization: Bearer {token(settings.auth)}' \\
    -H 'Content-Type: application/json' \\
    -d '{{"channel_id": "{channel}", "content": "Hello!"}}'

Ctrl-C stops.
"""

"""The image's HEALTHCHECK: exits with 0 when the REST port says that the module is ready, with 1 when it does not.

    python -I -S healthcheck.py          # asks /health/ready where HOST, REST_PORT and TLS_CERT_FILE say it is
    python -I -S healthcheck.py URL      # asks URL

It runs every few seconds beside the module, so it needs the standard library alone and loads little of it. The module
asks no client certificates on its REST port, and its own certificate is not checked: this asks the process next to it,
by an address the certificate need not name.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 4.0
READY = "/health/ready"
LOOPBACKS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 -- compared, not bound


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Asks once and gives the exit code."""
    url = arguments[0] if arguments else address(environ)
    try:
        status = status_of(url)
    except (OSError, http.client.HTTPException) as error:
        return _said(url, error, 1)
    return _said(url, status, 0 if status == http.client.OK else 1)


def _said(url: str, answer: object, exit_code: int) -> int:
    """Leaves the reason where `docker inspect` shows it."""
    sys.stdout.write(f"{url}: {answer}\n")
    return exit_code


def address(environ: Mapping[str, str]) -> str:
    """The URL of the module's readiness, by the variables the module itself reads; an empty one counts as absent."""
    scheme = "https" if environ.get("TLS_CERT_FILE") else "http"
    host = environ.get("HOST", "")
    reachable = LOOPBACKS.get(host) or (f"[{host}]" if ":" in host else host)
    return f"{scheme}://{reachable}:{environ.get('REST_PORT') or '8070'}{READY}"


def status_of(url: str) -> int:
    """The status of a GET. Raises OSError and HTTPException."""
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        unchecked = ssl._create_unverified_context()  # noqa: S323, SLF001 -- see the top
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=unchecked)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

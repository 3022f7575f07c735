"""The files of the TLS settings: looked at before a library reads them, and read again when they change.

gRPC reports a wrong file only as a port it cannot bind, or takes it and refuses every client. So OpenSSL reads the
files first, and what it says is told. A certificate that was renewed on disk is used for new connections, without a
restart; one that cannot be used leaves the old one in place.
"""

import ssl
import time
from pathlib import Path
from typing import Final, NoReturn

from config import TlsSettings

LOOK_EVERY_SECONDS: Final = 1.0


class BadCertificate(Exception):
    """A file of the TLS settings cannot be used; the text names its variable."""


class CertificateFiles:
    """The certificate, its key and the clients' CA, on disk."""

    def __init__(self, tls: TlsSettings) -> None:
        self.tls = tls
        self._paths = [path for path in (tls.cert_file, tls.key_file, tls.client_ca_file) if path is not None]
        self._seen = self._stamps()
        self._looked_at = time.monotonic()

    def check(self) -> None:
        """Raises BadCertificate for a file that cannot be used."""
        _check_certificates("TLS_CERT_FILE", self.tls.cert_file)
        _check_pair(self.tls)
        if self.tls.client_ca_file is not None:
            _check_certificates("TLS_CLIENT_CA_FILE", self.tls.client_ca_file)

    def have_changed(self) -> bool:
        """Whether there is something new to read: True once for each change. Looks once a second at most."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS:
            return False
        self._looked_at = time.monotonic()
        stamps = self._stamps()
        has_changed = None not in stamps and stamps != self._seen
        if has_changed:
            self._seen = stamps
        return has_changed

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(path) for path in self._paths]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None  # it is just being replaced
    return found.st_mtime_ns, found.st_size, found.st_ino


def _check_certificates(variable: str, path: Path) -> None:
    try:
        _context().load_verify_locations(path)
    except ssl.SSLError as exc:
        raise BadCertificate(f"{variable} holds no certificate in PEM: {_reason(exc)}") from exc
    except OSError as exc:
        raise BadCertificate(f"{variable} cannot be read: {exc.strerror}") from exc


def _check_pair(tls: TlsSettings) -> None:
    try:
        # Without an answer of ours OpenSSL would ask for a password on the terminal.
        _context().load_cert_chain(tls.cert_file, tls.key_file, password=_refuse_password)
    except ssl.SSLError as exc:
        if not exc.reason:  # OpenSSL has no word for a key file whose form it does not know
            raise BadCertificate("TLS_KEY_FILE holds no private key in PEM") from exc
        raise BadCertificate(f"TLS_CERT_FILE and TLS_KEY_FILE are no pair: {_reason(exc)}") from exc
    except OSError as exc:
        raise BadCertificate(f"TLS_KEY_FILE cannot be read: {exc.strerror}") from exc


def _refuse_password() -> NoReturn:
    raise BadCertificate("TLS_KEY_FILE is encrypted: decrypt it, for example with openssl pkey -in KEY -out NEW_KEY")


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def _reason(exc: ssl.SSLError) -> str:
    return (exc.reason or str(exc)).lower().replace("_", " ")

"""The certificate the server presents, and the one it may ask clients for.

gRPC reports a wrong file only as a port it cannot bind, or takes it and refuses every client. So OpenSSL reads the
files first, and what it says is told.
"""

import ssl
from pathlib import Path
from typing import NoReturn

import grpc

from config import TlsSettings


class BadCertificate(Exception):
    """A file of the TLS settings cannot be used; the text names its variable."""


def server_credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    """Credentials from the files of the settings. Raises BadCertificate."""
    _check_certificates("TLS_CERT_FILE", tls.cert_file)
    _check_pair(tls)
    client_ca = None
    if tls.client_ca_file is not None:
        _check_certificates("TLS_CLIENT_CA_FILE", tls.client_ca_file)
        client_ca = tls.client_ca_file.read_bytes()
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    return grpc.ssl_server_credentials([pair], root_certificates=client_ca, require_client_auth=client_ca is not None)


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

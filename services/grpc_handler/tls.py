"""The certificate the server presents, and the one it may ask clients for."""

import ssl

import grpc

from config import TlsSettings


class BadCertificate(Exception):
    """The certificate and its key cannot be used together."""


def server_credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    """Credentials from the files of the settings. Raises BadCertificate, OSError.

    gRPC would report a wrong file only as a port it cannot bind, so the pair is tried first.
    """
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.cert_file, tls.key_file)
    except ssl.SSLError as exc:
        raise BadCertificate(f"TLS_CERT_FILE and TLS_KEY_FILE are no pair: {exc.reason or exc}") from exc
    client_ca = tls.client_ca_file.read_bytes() if tls.client_ca_file else None
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    return grpc.ssl_server_credentials([pair], root_certificates=client_ca, require_client_auth=client_ca is not None)

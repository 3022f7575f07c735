"""The certificate gRPC presents, and the one it may ask clients for.

Both are read again, for new connections, when their files change.
"""

import grpc

from config import TlsSettings
from services.certificates import BadCertificate, CertificateFiles
from services.telemetry import get_logger

log = get_logger(__name__)


def server_credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    """Credentials from the files of the settings. Raises BadCertificate."""
    files = CertificateFiles(tls)
    return grpc.dynamic_ssl_server_credentials(
        _configuration(files),
        lambda: _configuration_if_changed(files),  # type: ignore[arg-type,return-value]  # the stubs forget None
        require_client_authentication=tls.client_ca_file is not None,
    )


def _configuration(files: CertificateFiles) -> grpc.ServerCertificateConfiguration:
    files.check()
    tls = files.tls
    client_ca = None if tls.client_ca_file is None else tls.client_ca_file.read_bytes()
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=client_ca)


def _configuration_if_changed(files: CertificateFiles) -> grpc.ServerCertificateConfiguration | None:
    """GRPC asks at each handshake, on a thread of its own; None goes on with what there is."""
    try:
        if not files.have_changed():
            return None
        changed = _configuration(files)
    except (BadCertificate, OSError) as exc:
        log.error("the new certificate is not used", port="grpc", reason=str(exc))  # noqa: TRY400 -- the reason is all
        return None
    log.info("the certificate was read again", port="grpc")
    return changed

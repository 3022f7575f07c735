"""The certificate REST presents: read again, for new connections, when its files change."""

import ssl

from hypercorn.config import Config

from config import TlsSettings
from services.certificates import BadCertificate, CertificateFiles
from services.telemetry import get_logger

log = get_logger(__name__)


class RestCertificate:
    """The context that connections shake hands with. Making it raises BadCertificate."""

    def __init__(self, tls: TlsSettings) -> None:
        self._files = CertificateFiles(tls)
        self._context = _read(self._files)

    def context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        try:
            if self._files.have_changed():
                self._context = _read(self._files)
                log.info("the certificate was read again", port="rest")
        except (BadCertificate, OSError) as exc:
            log.error("the new certificate is not used", port="rest", reason=str(exc))  # noqa: TRY400 -- that is all
        return self._context


def _read(files: CertificateFiles) -> ssl.SSLContext:
    files.check()
    config = Config()
    config.certfile, config.keyfile = str(files.tls.cert_file), str(files.tls.key_file)
    context = config.create_ssl_context()
    assert context is not None  # noqa: S101 -- both files are set
    return context

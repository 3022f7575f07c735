"""Certificates for tests."""

import ssl
from pathlib import Path

import trustme


def tls_files(authority: trustme.CA, folder: Path, *, client_authority: trustme.CA | None = None) -> dict[str, str]:
    """The TLS variables, with files that are written into `folder`."""
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    (folder / "key.pem").write_bytes(leaf.private_key_pem.bytes())
    files = {"TLS_CERT_FILE": str(folder / "cert.pem"), "TLS_KEY_FILE": str(folder / "key.pem")}
    if client_authority is not None:
        (folder / "clients.pem").write_bytes(client_authority.cert_pem.bytes())
        files["TLS_CLIENT_CA_FILE"] = str(folder / "clients.pem")
    return files


def client_context(authority: trustme.CA, *alpn: str) -> ssl.SSLContext:
    """A client that trusts `authority`."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(list(alpn))
    return context

"""The port speaks TLS, and asks for a client's certificate where a client CA is set."""

from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from config import TlsSettings
from services.certificates import BadCertificate
from services.grpc_handler.tls import server_credentials
from tests.unit.grpc_handler.caller import AUTHORIZED, raw_call, serving

OURS = trustme.CA()
ANOTHER = trustme.CA()


def pem(blobs: Sequence[trustme.Blob]) -> bytes:
    return b"".join(blob.bytes() for blob in blobs)


def files(folder: Path, *, asks_clients: bool = False) -> TlsSettings:
    leaf = OURS.issue_cert("localhost")
    (folder / "cert.pem").write_bytes(pem(leaf.cert_chain_pems))
    (folder / "key.pem").write_bytes(leaf.private_key_pem.bytes())
    (folder / "ca.pem").write_bytes(OURS.cert_pem.bytes())
    return TlsSettings(
        cert_file=folder / "cert.pem",
        key_file=folder / "key.pem",
        client_ca_file=folder / "ca.pem" if asks_clients else None,
    )


def client(trusts: trustme.CA = OURS, own: trustme.LeafCert | None = None) -> grpc.ChannelCredentials:
    key = own.private_key_pem.bytes() if own else None
    chain = pem(own.cert_chain_pems) if own else None
    return grpc.ssl_channel_credentials(trusts.cert_pem.bytes(), key, chain)


async def code_of(port: int, credentials: grpc.ChannelCredentials | None) -> grpc.StatusCode:
    target = f"localhost:{port}"
    channel = grpc.aio.secure_channel(target, credentials) if credentials else grpc.aio.insecure_channel(target)
    async with channel:
        call = raw_call(channel, "DeleteMessage")
        try:
            await call(b"\n\x011\x12\x012", metadata=AUTHORIZED, timeout=5)
        except grpc.aio.AioRpcError as exc:
            return exc.code()
        return grpc.StatusCode.OK


async def test_a_certificate_makes_the_port_speak_tls_alone(tmp_path: Path) -> None:
    async with serving(tls=files(tmp_path)) as served:
        assert await code_of(served.port, client()) is grpc.StatusCode.OK
        assert await code_of(served.port, client(trusts=ANOTHER)) is grpc.StatusCode.UNAVAILABLE
        assert await code_of(served.port, None) is grpc.StatusCode.UNAVAILABLE


async def test_a_client_ca_asks_for_a_certificate_of_its_own(tmp_path: Path) -> None:
    async with serving(tls=files(tmp_path, asks_clients=True)) as served:
        own, foreign = OURS.issue_cert("router"), ANOTHER.issue_cert("router")
        assert await code_of(served.port, client(own=own)) is grpc.StatusCode.OK
        assert await code_of(served.port, client()) is grpc.StatusCode.UNAVAILABLE
        assert await code_of(served.port, client(own=foreign)) is grpc.StatusCode.UNAVAILABLE


def test_a_key_of_another_certificate_is_named(tmp_path: Path) -> None:
    settings = files(tmp_path)
    settings.key_file.write_bytes(ANOTHER.issue_cert("localhost").private_key_pem.bytes())

    with pytest.raises(BadCertificate, match="TLS_CERT_FILE and TLS_KEY_FILE"):
        server_credentials(settings)


def test_an_encrypted_key_is_named_and_nobody_is_asked_for_a_password(tmp_path: Path) -> None:
    settings = files(tmp_path)
    key = serialization.load_pem_private_key(settings.key_file.read_bytes(), password=None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a password"),
    )
    settings.key_file.write_bytes(encrypted)

    with pytest.raises(BadCertificate, match="TLS_KEY_FILE is encrypted"):
        server_credentials(settings)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cert.pem", "TLS_CERT_FILE holds no certificate in PEM"),
        ("key.pem", "TLS_KEY_FILE holds no private key in PEM"),
        ("ca.pem", "TLS_CLIENT_CA_FILE holds no certificate in PEM"),
    ],
)
@pytest.mark.parametrize("content", [b"", b"not PEM", b"\x30\x82\x01\x01"], ids=("empty", "text", "DER"))
def test_a_file_without_pem_is_named(tmp_path: Path, name: str, told: str, content: bytes) -> None:
    settings = files(tmp_path, asks_clients=True)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(BadCertificate, match=told):
        server_credentials(settings)


@pytest.mark.parametrize(
    ("name", "told"),
    [("cert.pem", "TLS_CERT_FILE"), ("key.pem", "TLS_KEY_FILE"), ("ca.pem", "TLS_CLIENT_CA_FILE")],
)
def test_a_file_that_is_gone_is_named(tmp_path: Path, name: str, told: str) -> None:
    settings = files(tmp_path, asks_clients=True)
    (tmp_path / name).unlink()

    with pytest.raises(BadCertificate, match=f"{told} cannot be read: No such file"):
        server_credentials(settings)

"""Who calls gRPC by certificate, and what that is good for. Also: certificates that are renewed while it runs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import grpc
import pytest
import trustme

from config import Secret
from proto import discord_action_pb2 as messages
from proto.discord_action_pb2_grpc import DiscordActionStub
from sandbox import Sandbox
from services.clients import ClientRegistry
from services.database import Database
from services.ports import Scope
from tests.support.module import RunningModule, running_module, token
from tests.support.tls import client_context, tls_files

OURS = trustme.CA()
CLIENTS = trustme.CA()
STRANGERS = trustme.CA()
SEEN_WITHIN_SECONDS = 30.0


@dataclass(slots=True)
class Served:
    module: RunningModule
    registry: ClientRegistry

    @property
    def ports(self) -> tuple[int, int]:
        return self.module.grpc_port, self.module.rest_port

    async def send(self, certificate: trustme.LeafCert | None, bearer: str | None = None) -> str:
        """How a SendMessage ends: `OK` and the caller on the record, or the name of the status."""
        metadata = (("authorization", f"Bearer {bearer}"),) if bearer else ()
        target = f"localhost:{self.module.grpc_port}"
        async with grpc.aio.secure_channel(target, credentials(certificate)) as channel:
            request = messages.SendMessageRequest(channel_id="123", content="hello")
            try:
                answer = await DiscordActionStub(channel).SendMessage(request, metadata=metadata, timeout=10)
            except grpc.aio.AioRpcError as exc:
                return exc.code().name
        row = await self.module.row(answer.action_id)
        return f"OK {row.client_id}"


def credentials(certificate: trustme.LeafCert | None) -> grpc.ChannelCredentials:
    if certificate is None:
        return grpc.ssl_channel_credentials(OURS.cert_pem.bytes())
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return grpc.ssl_channel_credentials(OURS.cert_pem.bytes(), certificate.private_key_pem.bytes(), chain)


def certificate(*names: str, common_name: str | None = None, authority: trustme.CA = CLIENTS) -> trustme.LeafCert:
    return authority.issue_cert(*names, common_name=common_name)


@pytest.fixture
async def served(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Served]:
    database_url = f"sqlite:///{tmp_path}/actions.db"
    async with Database(Secret(database_url)) as database:
        registry = ClientRegistry(database.writer)
        await registry.add("shop", [Scope.MESSAGES])
        await registry.add("panel", [Scope.MODERATION])
        await registry.add("gone", [Scope.MESSAGES])
        await registry.revoke("gone")
        files = tls_files(OURS, tmp_path, client_authority=CLIENTS)
        async with running_module(sandbox, database_url, **files) as module:
            yield Served(module, registry)


async def test_who_a_certificate_stands_for(served: Served) -> None:
    assert await served.send(certificate("shop")) == "OK shop"
    assert await served.send(certificate(common_name="shop")) == "OK shop"
    assert await served.send(certificate("nobody.example", "shop")) == "OK shop"


async def test_a_certificate_is_good_for_what_its_client_may_do(served: Served) -> None:
    assert await served.send(certificate("panel")) == "PERMISSION_DENIED"


async def test_who_it_does_not_stand_for(served: Served) -> None:
    assert await served.send(certificate("router")) == "UNAUTHENTICATED"
    assert await served.send(certificate("nobody.example", common_name="shop")) == "UNAUTHENTICATED"
    assert await served.send(certificate("*.shop")) == "UNAUTHENTICATED"
    assert await served.send(certificate("gone")) == "UNAUTHENTICATED"
    assert await served.send(certificate("gone", "shop")) == "UNAUTHENTICATED"


async def test_a_token_wins(served: Served) -> None:
    assert await served.send(certificate("panel"), token()) == "OK router"
    assert await served.send(certificate("nobody.example"), token(client_id="shop", scope="messages")) == "OK shop"
    assert await served.send(certificate("shop"), "not-a-token") == "UNAUTHENTICATED"


async def test_no_certificate_or_a_strangers_gets_no_connection(served: Served) -> None:
    assert await served.send(None, token()) == "UNAVAILABLE"
    assert await served.send(certificate("shop", authority=STRANGERS), token()) == "UNAVAILABLE"


async def test_a_revoked_clients_certificate_is_refused_within_seconds(served: Served) -> None:
    assert await served.send(certificate("shop")) == "OK shop"
    await served.registry.revoke("shop")
    async with asyncio.timeout(SEEN_WITHIN_SECONDS):
        while await served.send(certificate("shop")) != "UNAUTHENTICATED":  # noqa: ASYNC110 -- polled, as callers do
            await asyncio.sleep(0.1)


async def test_a_renewed_certificate_is_shown_without_a_restart(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.certificates.LOOK_EVERY_SECONDS", 0.0)
    before = {await shown_at(port) for port in served.ports}
    tls_files(OURS, tmp_path, client_authority=CLIENTS)
    after = {await shown_at(port) for port in served.ports}

    assert (len(before), len(after), before & after) == (1, 1, set())
    assert await served.send(certificate("shop")) == "OK shop"


async def test_a_certificate_that_cannot_be_used_leaves_the_old_one(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.certificates.LOOK_EVERY_SECONDS", 0.0)
    before = {await shown_at(port) for port in served.ports}
    (tmp_path / "cert.pem").write_text("none")
    assert {await shown_at(port) for port in served.ports} == before


async def shown_at(port: int) -> str:
    """The fingerprint of the certificate a port shows; its clients' certificates are asked for after that."""
    context = client_context(OURS, "h2")
    certificate("shop").configure_cert(context)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return sha256(shown).hexdigest()

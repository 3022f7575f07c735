from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from services.clients import ClientExists, ClientRegistry, UnknownClient
from services.clients.registry import DEFAULT_SCOPES
from services.database import Database
from services.errors import AuditUnavailable
from services.ports import Scope


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(SecretStr(database_url)) as opened:
        yield opened


@pytest.fixture
def registry(database: Database) -> ClientRegistry:
    return ClientRegistry(database.writer)


async def test_a_client_is_known_by_its_secret(database: Database, registry: ClientRegistry) -> None:
    client_id, secret = await registry.add("billing.bot-1_x")
    client = await ClientRegistry(database.reader).verify(client_id, secret)
    assert client is not None
    assert client.client_id == "billing.bot-1_x"
    assert client.scopes == {"messages", "reactions", "roles", "webhooks:send", "moderation"} == DEFAULT_SCOPES
    assert abs(client.created_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_scopes_can_be_chosen(registry: ClientRegistry) -> None:
    client_id, secret = await registry.add("reader", [Scope.AUDIT_READ, Scope.MENTIONS_EVERYONE])
    client = await registry.verify(client_id, secret)
    assert client is not None
    assert client.scopes == {"audit:read", "mentions:everyone"}


async def test_no_other_secret_and_no_other_name_is_let_in(registry: ClientRegistry) -> None:
    _, secret = await registry.add("one")
    await registry.add("two")
    for name, tried in [
        ("one", secret[:-1]),
        ("one", ""),
        ("one", "\ud800"),
        ("two", secret),
        ("ONE", secret),
        ("nobody", secret),
        ("one' OR '1'='1", secret),
        ("one\x00", secret),
        ("", ""),
    ]:
        assert await registry.verify(name, tried) is None, (name, tried)


async def test_the_secret_is_not_stored(database: Database, registry: ClientRegistry) -> None:
    _, secret = await registry.add("one")
    stored = await database.reader.run(lambda session: str(session.rows("SELECT * FROM discord_clients")), 5)
    assert secret not in stored
    assert "blake2b$" in stored


async def test_equal_secrets_would_not_show(registry: ClientRegistry, database: Database) -> None:
    secrets = {(await registry.add(name))[1] for name in ("a", "b", "c")}
    hashes = await database.reader.run(lambda session: session.rows("SELECT secret_hash FROM discord_clients"), 5)
    assert len(secrets) == 3
    assert len({text.split("$")[1] for (text,) in hashes}) == 3
    assert all(len(secret) >= 43 for secret in secrets)


async def test_a_name_is_taken_until_it_is_revoked(registry: ClientRegistry) -> None:
    _, first = await registry.add("one")
    with pytest.raises(ClientExists):
        await registry.add("one")
    await registry.revoke("one")
    assert await registry.verify("one", first) is None
    _, second = await registry.add("one", [Scope.ROLES])
    assert await registry.verify("one", first) is None
    client = await registry.verify("one", second)
    assert client is not None
    assert client.scopes == {"roles"}


async def test_what_is_not_there_cannot_be_revoked(registry: ClientRegistry) -> None:
    await registry.add("one")
    await registry.revoke("one")
    for name in ("one", "two", "\x00"):
        with pytest.raises(UnknownClient):
            await registry.revoke(name)


async def test_all_are_listed_by_name_with_their_state(registry: ClientRegistry) -> None:
    for name in ("b", "a", "c"):
        await registry.add(name)
    await registry.revoke("b")
    assert [(client.client_id, client.revoked_at is None) for client in await registry.list()] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, "a\n", "a;b"])
async def test_a_name_out_of_bounds_is_refused(registry: ClientRegistry, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        await registry.add(name)


async def test_an_unreadable_table_is_said_to_be_unavailable(database: Database) -> None:
    registry = ClientRegistry(database.reader)
    await database.close()
    with pytest.raises(AuditUnavailable):
        await registry.verify("one", "secret")

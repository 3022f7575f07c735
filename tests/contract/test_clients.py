import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from config import Secret
from services.clients import ClientBounds, ClientExists, ClientRegistry, ClientRoster, UnknownClient
from services.clients.registered import DEFAULT_SCOPES
from services.clients.secrets import hash_of
from services.database import Database, schema
from services.errors import AuditUnavailable
from services.ports import Caller, Scope
from tests.support.breaking import breaks_once


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(Secret(database_url)) as opened:
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
    assert [(each.client.client_id, each.client.revoked_at is None) for each in await registry.list()] == [
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


BOUNDS = ClientBounds(
    guilds=frozenset({"1", "20"}),
    channels=frozenset({"123"}),
    roles=frozenset(),
    quota_per_minute=60,
    expires_at=datetime(2126, 1, 31, 12, tzinfo=UTC),
)


async def test_bounds_are_kept_as_they_were_given(registry: ClientRegistry) -> None:
    client_id, secret = await registry.add("one", [Scope.ROLES], BOUNDS)
    client = await registry.verify(client_id, secret)
    assert client is not None
    assert client.bounds == BOUNDS
    assert client == await registry.find("one")
    caller = client.caller
    assert caller == Caller("one", frozenset({"roles"}), BOUNDS.guilds, BOUNDS.channels, BOUNDS.roles, 60)


async def test_nobody_is_found_under_a_name_that_is_none(registry: ClientRegistry) -> None:
    for name in ("nobody", "", "\x00", "a b"):
        assert await registry.find(name) is None


async def test_an_expired_client_is_let_in_no_more(registry: ClientRegistry) -> None:
    past = ClientBounds(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    client_id, secret = await registry.add("one", [Scope.ROLES], past)
    assert await registry.verify(client_id, secret) is None
    found = await registry.find("one")
    assert found is not None
    assert not found.is_live(datetime.now(UTC))


async def test_two_secrets_are_good_while_one_is_rotated(registry: ClientRegistry) -> None:
    _, first = await registry.add("one")
    second = await registry.rotate("one", timedelta(hours=1))
    assert await registry.verify("one", first) is not None
    assert await registry.verify("one", second) is not None
    third = await registry.rotate("one", timedelta(hours=1))
    assert [await registry.verify("one", secret) is not None for secret in (first, second, third)] == [
        False,
        True,
        True,
    ]


async def test_the_older_secret_ends(registry: ClientRegistry) -> None:
    _, first = await registry.add("one")
    second = await registry.rotate("one", timedelta(0))
    assert await registry.verify("one", first) is None
    assert await registry.verify("one", second) is not None


async def test_a_revoked_client_cannot_be_rotated(registry: ClientRegistry) -> None:
    await registry.add("one")
    await registry.revoke("one")
    for name in ("one", "two", "\x00"):
        with pytest.raises(UnknownClient):
            await registry.rotate(name, timedelta(0))


async def test_a_client_registered_before_there_were_bounds_stays(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "STEPS", schema.STEPS[:4])
        async with Database(Secret(database_url)) as opened:
            insert = (
                "INSERT INTO discord_clients (client_id, secret_hash, scopes, created_at)"
                " VALUES ('old', %s, 'roles', '2026-01-31 12:00:00')"
            )
            values = (hash_of("its secret"),)
            await opened.writer.run(lambda session: session.execute(insert, values), 5)
    async with Database(Secret(database_url)) as opened:
        client = await ClientRegistry(opened.reader).verify("old", "its secret")
    assert client is not None
    assert client.caller == Caller("old", frozenset({"roles"}))


async def test_every_replica_sees_a_revocation_soon(database: Database, registry: ClientRegistry) -> None:
    await registry.add("one")
    async with ClientRoster(database.reader, database.writer, refresh_seconds=0.05) as roster:
        known = roster.find("one")
        assert known is not None
        assert known.revoked_at is None
        await roster.refresh()
        assert roster.find("one") is known
        await registry.revoke("one")
        async with asyncio.timeout(20):
            while (now := roster.find("one")) and now.revoked_at is None:  # noqa: ASYNC110 -- it is read by time
                await asyncio.sleep(0.01)
        assert now is not None
        assert roster.find("two") is None


async def test_a_revocation_is_seen_though_the_reading_has_broken(
    database: Database, registry: ClientRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registry.add("one")
    async with ClientRoster(database.reader, database.writer, refresh_seconds=0.05) as roster:
        has_broken = breaks_once(monkeypatch, roster, "_read")
        async with asyncio.timeout(5):
            await has_broken.wait()
            await registry.revoke("one")
            while (now := roster.find("one")) and now.revoked_at is None:  # noqa: ASYNC110 -- it is read by time
                await asyncio.sleep(0.01)
        assert now is not None


async def test_last_use_is_written_when_the_replica_goes(database: Database, registry: ClientRegistry) -> None:
    await registry.add("one")
    await registry.add("two")
    async with ClientRoster(database.reader, database.writer) as roster:
        known = roster.find("one")
        assert known is not None
        roster.note_use(known)
    one, two = await registry.list()
    assert one.last_used_at is not None
    assert abs(one.last_used_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert two.last_used_at is None


async def test_what_was_read_last_holds_while_the_table_cannot_be_read(
    database: Database, registry: ClientRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    await registry.add("one")
    async with ClientRoster(database.reader, database.writer) as roster:
        await database.close()
        await roster.refresh()
        await roster.refresh()
        assert roster.find("one") is not None
    assert [record.message for record in caplog.records].count(
        "the registered clients cannot be read: what was read last holds"
    ) == 1

"""A token whose caller bears a registered name stands under the registration."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from config import AuthSettings, Secret
from services.auth import TokenVerifier
from services.clients import ClientBounds, RegisteredClient
from services.errors import AuditUnavailable, Unauthenticated
from services.ports import Caller
from tests.fakes import ManualClock

KEY = "k" * 31 + "0123456789abcdefghijklmnopqrstuvwxyz"
NOW = int(ManualClock().now().timestamp())
SHOP = RegisteredClient(7, "shop", frozenset({"messages", "roles"}), datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Registrations:
    """Registered clients in a dict; `arriving` are seen after the next refresh."""

    clients: dict[str, RegisteredClient] = field(default_factory=lambda: {"shop": SHOP})
    arriving: dict[str, RegisteredClient] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    is_readable: bool = True
    refreshed: int = 0

    def find(self, client_id: str) -> RegisteredClient | None:
        return self.clients.get(client_id)

    def note_use(self, client: RegisteredClient) -> None:
        self.used.append(client.client_id)

    async def refresh(self) -> bool:
        self.refreshed += 1
        if self.is_readable:
            self.clients |= self.arriving
        return self.is_readable


@dataclass
class Desk:
    clock: ManualClock = field(default_factory=ManualClock)
    registered: Registrations = field(default_factory=Registrations)

    def __post_init__(self) -> None:
        self.verifier = TokenVerifier(AuthSettings(secret_key=Secret(KEY)), self.clock, self.registered)


def token(**claims: object) -> str:
    return jwt.encode({"client_id": "shop", "exp": NOW + 3600} | claims, KEY, algorithm="HS256")


async def test_a_token_allows_what_both_it_and_the_registration_allow() -> None:
    desk = Desk()
    bounds = ClientBounds(guilds=frozenset({"1", "2"}), quota_per_minute=5)
    desk.registered.clients["shop"] = replace(SHOP, bounds=bounds)
    unscoped = await desk.verifier.authenticate(token())
    assert unscoped == desk.registered.clients["shop"].caller
    narrow = await desk.verifier.authenticate(token(scope="roles moderation", guilds=["2", "3"], channels=["9"]))
    assert narrow == Caller("shop", frozenset({"roles"}), frozenset({"2"}), frozenset({"9"}), None, 5)
    assert desk.registered.used == ["shop", "shop"]


@pytest.mark.parametrize("is_remembered", [False, True])
@pytest.mark.parametrize("change", ["revoked", "expired", "registered anew"])
async def test_a_token_ends_with_its_registration(is_remembered: bool, change: str) -> None:
    desk = Desk()
    issued = token(scope="roles", reg=7)
    if is_remembered:
        await desk.verifier.authenticate(issued)
    desk.registered.clients["shop"] = {
        "revoked": replace(SHOP, revoked_at=desk.clock.now()),
        "expired": replace(SHOP, bounds=ClientBounds(expires_at=desk.clock.now())),
        "registered anew": replace(SHOP, registration=8),
    }[change]
    with pytest.raises(Unauthenticated, match="revoked or has expired"):
        await desk.verifier.authenticate(issued)


async def test_a_remembered_token_ends_when_its_client_expires() -> None:
    desk = Desk()
    ends = desk.clock.now() + timedelta(seconds=60)
    desk.registered.clients["shop"] = replace(SHOP, bounds=ClientBounds(expires_at=ends))
    await desk.verifier.authenticate(token(reg=7))
    desk.clock.advance(60)
    with pytest.raises(Unauthenticated):
        await desk.verifier.authenticate(token(reg=7))


async def test_narrower_rights_hold_for_a_token_that_is_out() -> None:
    desk = Desk()
    assert (await desk.verifier.authenticate(token(reg=7))).scopes == SHOP.scopes
    desk.registered.clients["shop"] = replace(SHOP, scopes=frozenset({"roles"}))
    assert (await desk.verifier.authenticate(token(reg=7))).scopes == frozenset({"roles"})


async def test_a_key_holders_token_cannot_use_a_revoked_name() -> None:
    desk = Desk()
    desk.registered.clients["shop"] = replace(SHOP, revoked_at=desk.clock.now())
    for named in ({"client_id": "shop"}, {"client_id": "", "sub": "shop"}, {"client_id": None, "service": "shop"}):
        with pytest.raises(Unauthenticated):
            await desk.verifier.authenticate(token(**named))
    assert (await desk.verifier.authenticate(token(client_id="router"))).scopes is None


async def test_a_client_that_is_newer_than_what_was_read_is_looked_for() -> None:
    desk = Desk()
    desk.registered.arriving = {"new": replace(SHOP, client_id="new", registration=9)}
    assert (await desk.verifier.authenticate(token(client_id="new", reg=9))).scopes == SHOP.scopes
    assert desk.registered.refreshed == 1
    with pytest.raises(Unauthenticated):
        await desk.verifier.authenticate(token(client_id="gone", reg=3))


async def test_while_the_table_is_away_a_newer_client_has_to_wait() -> None:
    desk = Desk()
    desk.registered.is_readable = False
    with pytest.raises(AuditUnavailable):
        await desk.verifier.authenticate(token(client_id="new", reg=9))
    assert (await desk.verifier.authenticate(token(reg=7))).client_id == "shop"

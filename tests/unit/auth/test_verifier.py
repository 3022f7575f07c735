import base64
import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from config import AuthSettings
from services.auth import TokenVerifier
from services.errors import Unauthenticated
from tests.fakes import ManualClock

KEY = "k" * 31 + "0123456789abcdefghijklmnopqrstuvwxyz"
OLD_KEY = "o" * 31 + "0123456789abcdefghijklmnopqrstuvwxyz"


def verifier(clock: ManualClock) -> TokenVerifier:
    settings = AuthSettings(
        secret_key=SecretStr(KEY),
        previous_secret_key=SecretStr(OLD_KEY),
        algorithm="HS256",
        lifetime_seconds=3600,
    )
    return TokenVerifier(settings, clock)


def claims(**changes: object) -> dict[str, object]:
    return {"client_id": "router", "exp": 4_000_000_000, **changes}


def token(content: Mapping[str, Any], key: str = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(dict(content), key, algorithm=algorithm)


@pytest.mark.parametrize("claim", ["client_id", "sub", "service"])
async def test_the_caller_is_named_by_any_of_three_claims(claim: str) -> None:
    caller = await verifier(ManualClock()).authenticate(token({claim: "router", "exp": 4_000_000_000}))
    assert caller.client_id == "router"
    assert caller.scopes is None


async def test_scopes_and_lists_are_read() -> None:
    caller = await verifier(ManualClock()).authenticate(token(claims(scope="messages roles", guilds=["1"], roles=[])))
    assert caller.scopes == frozenset({"messages", "roles"})
    assert (caller.guilds, caller.roles, caller.channels) == (frozenset({"1"}), frozenset(), None)


async def test_the_previous_key_still_verifies() -> None:
    assert (await verifier(ManualClock()).authenticate(token(claims(), OLD_KEY))).client_id == "router"


async def test_a_remembered_token_still_expires() -> None:
    clock = ManualClock()
    known = verifier(clock)
    expires = clock.now().timestamp() + 1_000_000_000
    soon = token(claims(exp=expires))
    await known.authenticate(soon)
    clock.advance(1_000_000_001)
    with pytest.raises(Unauthenticated, match="expired"):
        await known.authenticate(soon)


def _unsigned() -> str:
    def part(content: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}."


@pytest.mark.parametrize(
    "refused",
    [
        None,
        "",
        "not a token",
        "x" * 9000,
        token(claims(), "w" * 64),
        token(claims(), KEY, "HS512"),
        token({"client_id": "router"}),
        token(claims(exp=1_000_000_000)),
        token(claims(exp="soon")),
        token(claims(nbf=3_900_000_000)),
        token(claims(iat=3_900_000_000)),
        token({"exp": 4_000_000_000}),
        token(claims(client_id=7)),
        token(claims(client_id="a\nb")),
        token(claims(client_id="\ud800x")),
        token(claims(client_id="x" * 256)),
        token(claims(scope=["messages"])),
        token(claims(guilds="1")),
        token(claims(channels=[1])),
        token(claims())[:-3],
        _unsigned(),
    ],
)
async def test_what_does_not_verify_is_refused(refused: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await verifier(ManualClock()).authenticate(refused)


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.auth.verifier.MOST_REMEMBERED", 3)
    known = verifier(ManualClock())
    for number in range(10):
        await known.authenticate(token(claims(client_id=f"c{number}")))
    assert len(known._remembered) == 3

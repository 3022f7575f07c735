import base64
import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from config import AuthSettings, Secret
from services.auth import TokenVerifier
from services.auth.keys import SigningKeys, key_id
from services.errors import Unauthenticated
from tests.fakes import ManualClock

KEY = "k" * 31 + "0123456789abcdefghijklmnopqrstuvwxyz"
OLD_KEY = "o" * 31 + "0123456789abcdefghijklmnopqrstuvwxyz"


NOW = int(ManualClock().now().timestamp())
SOON = NOW + 3600


def settings(**changes: object) -> AuthSettings:
    return AuthSettings.model_validate({"secret_key": Secret(KEY), "previous_secret_key": Secret(OLD_KEY), **changes})


def verifier(clock: ManualClock, **changes: object) -> TokenVerifier:
    return TokenVerifier(settings(**changes), clock)


def claims(**changes: object) -> dict[str, object]:
    return {"client_id": "router", "exp": SOON, **changes}


def token(content: Mapping[str, Any], key: str = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(dict(content), key, algorithm=algorithm)


@pytest.mark.parametrize("claim", ["client_id", "sub", "service"])
async def test_the_caller_is_named_by_any_of_three_claims(claim: str) -> None:
    caller = await verifier(ManualClock()).authenticate(token({claim: "router", "exp": SOON}))
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
    soon = token(claims(exp=NOW + 60))
    clock.advance(59)
    await known.authenticate(soon)
    clock.advance(1)
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
        token(claims(exp=NOW)),
        token(claims(exp="soon")),
        token(claims(nbf=NOW + 60)),
        token(claims(iat=NOW + 60)),
        token({"exp": SOON}),
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


async def test_clocks_may_differ_a_little() -> None:
    await verifier(ManualClock()).authenticate(token(claims(nbf=NOW + 4, iat=NOW + 4)))


async def test_how_far_away_the_end_may_be_is_a_setting() -> None:
    far = token(claims(exp=NOW + 7200))
    await verifier(ManualClock()).authenticate(far)
    with pytest.raises(Unauthenticated, match="at most 3600 seconds"):
        await verifier(ManualClock(), longest_lifetime_seconds=3600).authenticate(far)


async def test_a_year_is_the_most_by_default() -> None:
    await verifier(ManualClock()).authenticate(token(claims(exp=NOW + 366 * 86400)))
    with pytest.raises(Unauthenticated, match="JWT_MAX_LIFETIME_SECONDS"):
        await verifier(ManualClock()).authenticate(token(claims(exp=NOW + 366 * 86400 + 1)))


async def test_a_token_without_scopes_may_do_nothing_where_that_is_set() -> None:
    known = verifier(ManualClock(), unscoped_access="none")
    assert (await known.authenticate(token(claims()))).scopes == frozenset()
    assert (await known.authenticate(token(claims(scope="roles")))).scopes == frozenset({"roles"})


@pytest.mark.parametrize(
    ("named", "is_good"),
    [
        ({"aud": "door", "iss": "platform"}, True),
        ({"aud": ["other", "door"], "iss": "platform"}, True),
        ({"aud": "other", "iss": "platform"}, False),
        ({"aud": [], "iss": "platform"}, False),
        ({"aud": {"door": 1}, "iss": "platform"}, False),
        ({"iss": "platform"}, False),
        ({"aud": "door"}, False),
        ({"aud": "door", "iss": "other"}, False),
    ],
)
async def test_audience_and_issuer_are_checked_where_they_are_set(named: dict[str, object], is_good: bool) -> None:
    known = verifier(ManualClock(), audience="door", issuer="platform")
    if is_good:
        await known.authenticate(token(claims(**named)))
    else:
        with pytest.raises(Unauthenticated):
            await known.authenticate(token(claims(**named)))
    await verifier(ManualClock()).authenticate(token(claims(**named)))


async def test_what_is_signed_here_names_its_key_and_is_accepted_after_a_rotation() -> None:
    before = SigningKeys(settings(secret_key=Secret(OLD_KEY), previous_secret_key=None))
    signed = before.sign(claims())
    assert jwt.get_unverified_header(signed)["kid"] == key_id(OLD_KEY)
    assert (await verifier(ManualClock()).authenticate(signed)).client_id == "router"


async def test_a_name_of_a_key_that_is_not_ours_is_as_good_as_none() -> None:
    for key in (KEY, OLD_KEY):
        named = jwt.encode(claims(), key, algorithm="HS256", headers={"kid": "theirs"})
        await verifier(ManualClock()).authenticate(named)


async def test_a_name_of_the_other_key_does_not_verify() -> None:
    lying = jwt.encode(claims(), KEY, algorithm="HS256", headers={"kid": key_id(OLD_KEY)})
    with pytest.raises(Unauthenticated):
        await verifier(ManualClock()).authenticate(lying)

"""Attacks with tokens: each is refused on both protocols, with nothing sent to Discord and no word about why."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.auth.keys import key_id
from tests.security.doors import Door, open_door
from tests.security.forgery import HS256, claims, encoded, forged, raw_claims
from tests.support.module import KEY

NOW = int(time.time())
BAN = {"guild_id": "1", "user_id": "42"}
AUDIENCE, ISSUER, OLD_KEY = (
    "discord-action",
    "platform",
    "an-old-key-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVW",
)
NAMED = {"aud": AUDIENCE, "iss": ISSUER}
PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = PRIVATE_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def good(**changes: Any) -> dict[str, Any]:
    return dict(claims(**NAMED | changes))


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


GENUINE = forged(good())
HEAD, BODY, SIGNATURE = GENUINE.split(".")
BY_RSA = jwt.encode(good(), PRIVATE_KEY, algorithm="RS256")

ATTACKS: dict[str, str] = {
    # the algorithm
    "no algorithm": forged(good(), {"alg": "none", "typ": "JWT"}, signature=""),
    "no algorithm, signed": forged(good(), {"alg": "none"}),
    "no algorithm, in capitals": forged(good(), {"alg": "NONE"}, signature=""),
    "no algorithm, in mixed case": forged(good(), {"alg": "nOnE"}, signature=""),
    "no alg at all": forged(good(), {"typ": "JWT"}),
    "an empty alg": forged(good(), {"alg": ""}),
    "alg is null": forged(good(), {"alg": None}),
    "alg is a list": forged(good(), {"alg": ["HS256"]}),
    "alg is an object": forged(good(), {"alg": {"HS256": True}}),
    "another of the same family": forged(good(), {"alg": "HS512"}, digest="sha512"),
    "a weaker hash under the right name": forged(good(), digest="sha1"),
    "alg in another case": forged(good(), {"alg": "hs256"}),
    "RS256 with a key of its own": BY_RSA,
    "RS256 in the head, HS256 by the public key": forged(good(), {"alg": "RS256"}, key=PUBLIC_PEM),
    "HS256 by a public key": forged(good(), key=PUBLIC_PEM),
    "two algorithms, none last": forged(good(), b'{"alg":"HS256","alg":"none"}', signature=""),
    # the signature
    "no signature": f"{HEAD}.{BODY}.",
    "no third part": f"{HEAD}.{BODY}",
    "a signature cut short": GENUINE[:-3],
    "a signature with more behind it": GENUINE + "AAAA",
    "a signature of zeros": f"{HEAD}.{BODY}.{encoded(bytes(32))}",
    "the signature of another body": f"{HEAD}.{encoded(json.dumps(good(client_id='admin')).encode())}.{SIGNATURE}",
    "the signature in standard base64": f"{HEAD}.{BODY}.{base64.b64encode(bytes(range(200, 232))).decode()}",
    "a wrong key": forged(good(), key="w" * 64),
    "an empty key": forged(good(), key=b""),
    "the key's own name as the key": forged(good(), key=key_id(KEY)),
    # the head
    "kid is a path": forged(good(), {**HS256, "kid": "../../../../dev/null"}, key=b""),
    "kid is a query": forged(good(), {**HS256, "kid": "x' UNION SELECT 'k'--"}, key="k"),
    "kid is a URL": forged(good(), {**HS256, "kid": "http://127.0.0.1:1/key"}, key="w" * 64),
    "kid names our key, another signed": forged(good(), {**HS256, "kid": key_id(KEY)}, key="w" * 64),
    "kid names the old key, the new one signed": forged(good(), {**HS256, "kid": key_id(OLD_KEY)}),
    "kid is a number": forged(good(), {**HS256, "kid": 1}),
    "kid is a list": forged(good(), {**HS256, "kid": [key_id(KEY)]}),
    "a key of its own in the head": forged(
        good(), {**HS256, "jwk": {"kty": "oct", "k": encoded(b"w" * 64)}}, key="w" * 64
    ),
    "a key set to fetch": forged(good(), {**HS256, "jku": "http://127.0.0.1:1/jwks.json"}, key="w" * 64),
    "a certificate in the head": forged(good(), {**HS256, "x5c": [encoded(b"w" * 64)]}, key="w" * 64),
    "an extension that must be understood": forged(good(), {**HS256, "crit": ["exp"], "exp": 1}),
    "an unencoded body": forged(good(), {**HS256, "b64": False, "crit": ["b64"]}),
    "a head that is a list": forged(good(), ["HS256"]),
    "a head that is no JSON": forged(good(), b"HS256"),
    "a stranger's head, 2800 levels deep": forged(b"{}", f'{{"alg":"HS256","x":{deep(2800)}}}'.encode(), key="w" * 64),
    # the form
    "nothing but dots": "..",
    "five parts": f"{GENUINE}.{encoded(b'x')}.{encoded(b'y')}",
    "a word": "router",
    "a huge one": forged(good(pad="x" * 9000)),
    "a head of 8000 characters": f"{encoded(b'{' * 6000)}.{BODY}.{SIGNATURE}",
    "a body of another encoding": forged(json.dumps(good()).encode("utf-16")),
    "a body that is a list": forged([good()]),
    "a body that is a text": forged("router"),
    "a body that is no JSON": forged(b"client_id=router"),
    "an old body, 2800 levels deep": forged(raw_claims(f'"x": {deep(2800)}', exp=1, **NAMED)),
    "a body with NaN": forged(raw_claims('"x": NaN', **NAMED)),
    "an empty body": forged(b""),
    "a token inside a token": forged(GENUINE.encode(), {**HS256, "cty": "JWT"}),
    "a token inside a token, as a text": forged(GENUINE, {**HS256, "cty": "JWT"}),
    # time
    "no exp": forged(good(exp=None)),
    "exp is null": forged(raw_claims('"exp": null', exp=None, **NAMED)),
    "exp in the year 2096": forged(good(exp=4_000_000_000)),
    "exp a year and a day ahead": forged(good(exp=NOW + 368 * 86400)),
    "exp is endless": forged(raw_claims('"exp": 1e999', exp=None, **NAMED)),
    "exp is Infinity": forged(raw_claims('"exp": Infinity', exp=None, **NAMED)),
    "exp is a text": forged(good(exp=str(NOW + 86000))),
    "exp is true": forged(good(exp=True)),
    "exp is a list": forged(good(exp=[NOW + 86000])),
    "exp has 5000 digits": forged(raw_claims(f'"exp": {"9" * 5000}', exp=None, **NAMED)),
    "expired long ago": forged(good(exp=1_000_000_000)),
    "expired a second ago": forged(good(exp=NOW - 1)),
    "exp before 1970": forged(good(exp=-1)),
    "not valid before tomorrow": forged(good(nbf=NOW + 86400)),
    "nbf is a text": forged(good(nbf="now")),
    "issued tomorrow": forged(good(iat=NOW + 86400)),
    "iat is true": forged(good(iat=True)),
    # claims
    "exp twice": forged(raw_claims(f'"exp": {NOW + 86000}', **NAMED)),
    "the client twice": forged(raw_claims('"client_id": "admin"', **NAMED)),
    "the scope twice": forged(raw_claims('"scope": "moderation"', scope="messages", **NAMED)),
    "a name twice deeper down": forged(raw_claims('"x": {"a": 1, "a": 2}', **NAMED)),
    "no caller": forged(good(client_id=None)),
    "an empty caller": forged(good(client_id="")),
    "the caller is a number": forged(good(client_id=7)),
    "the caller is zero, sub is good": forged(good(client_id=0, sub="router")),
    "the caller is a list, sub is good": forged(good(client_id=["router"], sub="router")),
    "the caller is an object": forged(good(client_id={"$ne": ""})),
    "the caller breaks the line": forged(good(client_id="router\nadmin")),
    "the caller has a NUL": forged(good(client_id="router\x00")),
    "the caller is half a character": forged(raw_claims('"client_id": "\\ud800x"', client_id=None, **NAMED)),
    "the caller is 256 long": forged(good(client_id="x" * 256)),
    "scope is a list": forged(good(scope=["messages"])),
    "scope is null": forged(raw_claims('"scope": null', **NAMED)),
    "scope is an object": forged(good(scope={"moderation": True})),
    "scope is true": forged(good(scope=True)),
    "guilds is a text": forged(good(guilds="1")),
    "guilds is null": forged(raw_claims('"guilds": null', **NAMED)),
    "guilds is an object": forged(good(guilds={"1": True})),
    "guilds holds a number": forged(good(guilds=[1])),
    "guilds holds a star": forged(good(guilds=["*"])),
    "guilds holds an id above the largest": forged(good(guilds=["9223372036854775808"])),
    "channels holds an id of 20 digits": forged(good(channels=["12345678901234567890"])),
    "channels holds a list": forged(good(channels=[["1"]])),
    "roles holds zero": forged(good(roles=["0"])),
    "roles holds other digits": forged(good(roles=["١٢"])),
    "reg is a text": forged(good(reg="1")),
    "reg is true": forged(good(reg=True)),
    "reg of nobody": forged(good(reg=1)),
    # addressees
    "another audience": forged(good(aud="billing")),
    "no audience": forged(good(aud=None)),
    "an audience that begins like ours": forged(good(aud=AUDIENCE + "-test")),
    "audience is an object": forged(good(aud={AUDIENCE: True})),
    "another issuer": forged(good(iss="stranger")),
    "no issuer": forged(good(iss=None)),
    "issuer is a list": forged(good(iss=[ISSUER])),
}


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    variables = {"JWT_AUDIENCE": AUDIENCE, "JWT_ISSUER": ISSUER, "MODULE_SECRET_KEY_PREVIOUS": OLD_KEY}
    async with open_door(tmp_path_factory.mktemp("tokens"), **variables) as opened:
        yield opened


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
@pytest.mark.parametrize("attack", ATTACKS)
async def test_refused(attack: str, protocol: str, door: Door) -> None:
    before = len(door.sandbox.requests)
    heard = await door.hears(protocol, "BanUser", BAN, ATTACKS[attack])
    assert (heard.code, heard.outcome, heard.action_id) == ("unauthenticated", "not_sent", None)
    assert heard.status == (401 if protocol == "rest" else "UNAUTHENTICATED")
    assert len(door.sandbox.requests) == before


ACCEPTED: dict[str, Callable[[], str]] = {
    "a good one": lambda: forged(good()),
    "one signed with the key before": lambda: forged(good(), key=OLD_KEY),
    "one with its key's name": lambda: forged(good(), {**HS256, "kid": key_id(OLD_KEY)}, key=OLD_KEY),
    "one with a stranger's name for the key": lambda: forged(good(), {**HS256, "kid": "../../dev/null"}),
    "one whose exp is a fraction": lambda: forged(good(exp=time.time() + 60.5)),
    "one for several audiences": lambda: forged(good(aud=["billing", AUDIENCE])),
    "one that ends within a year": lambda: forged(good(exp=int(time.time()) + 365 * 86400)),
    "one with claims of others": lambda: forged(good(jti="x", roles_of_others=["admin"], sub=["odd"])),
}


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
@pytest.mark.parametrize("name", ACCEPTED)
async def test_the_same_door_lets_in(name: str, protocol: str, door: Door) -> None:
    heard = await door.hears(protocol, "SendMessage", {"channel_id": "123", "content": "x"}, ACCEPTED[name]())
    assert heard.code == "ok"


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
async def test_a_token_ends_while_it_is_remembered(protocol: str, door: Door) -> None:
    short, gives_up = forged(good(exp=int(time.time()) + 2)), time.monotonic() + 30
    message = {"channel_id": "123", "content": "x"}
    assert (await door.hears(protocol, "SendMessage", message, short)).code == "ok"
    while (heard := await door.hears(protocol, "SendMessage", message, short)).code == "ok":
        assert time.monotonic() < gives_up
    assert heard.code == "unauthenticated"

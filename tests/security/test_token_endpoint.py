"""Attacks on POST /api/v1/token, and on clients that have their tokens from there."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import jwt
import pytest

from config import Secret
from services.clients import ClientBounds, ClientRegistry
from services.database import Database
from services.ports import Scope
from tests.security.doors import Door, open_door
from tests.support.module import KEY, RunningModule, token

MESSAGE = {"channel_id": "123", "content": "x"}
PROXIES = "127.0.0.0/8,10.0.0.0/8"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(tmp_path_factory.mktemp("endpoint"), TRUSTED_PROXIES=PROXIES) as opened:
        yield opened


@pytest.fixture(scope="module")
async def registry(door: Door) -> AsyncIterator[ClientRegistry]:
    """The operator's command line, on the database the module runs on."""
    async with Database(door.module.house.settings.database.url) as database:
        yield ClientRegistry(database.writer)


def stranger() -> str:
    """An address nobody has come from."""
    number = next(numbers)
    return f"198.51.{number // 250}.{number % 250 + 1}"


def heard_from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def attempts_until_refused(door: Door, headers: Callable[[], dict[str, str]], **fields: Any) -> int:
    """How many wrong secrets are looked at before it says 429."""
    for number in range(60):
        status, body = await door.ask_token(headers(), **({"client_secret": f"guess-{number}"} | fields))
        if status == 429:
            assert (body["code"], body["outcome"]) == ("rate_limited", "not_sent")
            assert 0 < body["retry_after"] <= 60
            return number
        assert status == 401, body
    return 60


# ── guessing ──


async def test_one_address_guesses_ten_times_a_minute(door: Door) -> None:
    address = stranger()
    ids = (f"guessed-{number}" for number in itertools.count())
    tried = 0
    for number, client_id in zip(range(20), ids, strict=False):
        status, _ = await door.ask_token(heard_from(address), client_id=client_id, client_secret=f"guess-{number}")
        tried += status == 401
    assert tried == 10


async def test_one_client_is_guessed_ten_times_a_minute_from_anywhere(door: Door) -> None:
    assert await attempts_until_refused(door, lambda: heard_from(stranger()), client_id="guessed") == 10


async def test_a_whole_ipv6_network_counts_as_one_address(door: Door) -> None:
    hosts = (f"2001:db8:1:2::{number:x}" for number in itertools.count(1))
    names = (f"six-{number}" for number in itertools.count())
    statuses = [
        (await door.ask_token(heard_from(next(hosts)), client_id=next(names), client_secret="guess"))[0]
        for _ in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2


async def test_guesses_at_the_same_time_are_bounded_too(door: Door) -> None:
    address = stranger()
    answers = await asyncio.gather(
        *(door.ask_token(heard_from(address), client_id="many", client_secret=f"g{n}") for n in range(300))
    )
    statuses = [status for status, _ in answers]
    assert statuses.count(401) <= 120
    assert set(statuses) <= {401, 429, 503}


async def test_who_knows_the_secret_is_not_kept_out_by_others_elsewhere(door: Door, registry: ClientRegistry) -> None:
    _, secret = await registry.add("calm")
    await attempts_until_refused(door, lambda: heard_from("198.51.99.1"), client_id="somebody-else")
    status, _ = await door.ask_token(heard_from("198.51.99.2"), client_id="calm", client_secret=secret)
    assert status == 200


async def test_strangers_cannot_keep_a_client_out(door: Door, registry: ClientRegistry) -> None:
    _, secret = await registry.add("wanted")
    home = stranger()
    await claims_of_at(door, home, "wanted", secret)
    await attempts_until_refused(door, lambda: heard_from(stranger()), client_id="wanted")
    await claims_of_at(door, home, "wanted", secret)
    status, _ = await door.ask_token(heard_from(stranger()), client_id="wanted", client_secret=secret)
    assert status == 429
    assert await attempts_until_refused(door, lambda: heard_from(home), client_id="wanted") <= 10


async def test_an_unknown_client_and_a_wrong_secret_sound_alike(door: Door, registry: ClientRegistry) -> None:
    _, secret = await registry.add("known")
    answers = []
    for client_id, tried in (("known", secret[:-1]), ("unknown", secret), ("KNOWN", secret), ("known ", secret)):
        status, body = await door.ask_token(heard_from(stranger()), client_id=client_id, client_secret=tried)
        body.pop("request_id")
        answers.append((status, body))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 401


# ── X-Forwarded-For ──

SPOOFS: dict[str, Callable[[int], str]] = {
    "an address of its own before the proxy's word": lambda n: f"203.0.113.{n}, 198.51.200.1",
    "many of its own": lambda n: f"10.0.0.{n}, 127.0.0.1, 203.0.113.{n}, 198.51.200.2",
    "proxies of ours": lambda n: f"203.0.113.{n}, 10.0.0.1, 198.51.200.3, 10.9.9.{n}",
    "another spelling of the same": lambda n: "::ffff:198.51.200.4" if n % 2 else "198.51.200.4",
    "another port each time": lambda n: f"198.51.200.5:{1000 + n}",
    "what is no address": lambda n: f"203.0.113.{n}, x{n}",
    "nothing": lambda n: " , " * n,
}


@pytest.mark.parametrize("spoof", SPOOFS)
async def test_no_forged_header_buys_more_guesses(spoof: str, door: Door) -> None:
    turns = itertools.count(1)
    names = (f"{spoof}-{number}" for number in itertools.count())
    statuses = [
        (await door.ask_token(heard_from(SPOOFS[spoof](next(turns))), client_id=next(names), client_secret="g"))[0]
        for _ in range(12)
    ]
    assert 429 in statuses, statuses


async def test_without_trusted_proxies_the_header_is_worth_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with open_door(tmp_path_factory.mktemp("untrusting")) as door:
        names = (f"name-{number}" for number in itertools.count())
        statuses = [
            (await door.ask_token(heard_from(stranger()), client_id=next(names), client_secret="g"))[0]
            for _ in range(12)
        ]
    assert statuses == [401] * 10 + [429] * 2


# ── what is issued ──


async def claims_of(door: Door, client_id: str, secret: str) -> dict[str, Any]:
    return await claims_of_at(door, stranger(), client_id, secret)


async def claims_of_at(door: Door, address: str, client_id: str, secret: str) -> dict[str, Any]:
    status, body = await door.ask_token(heard_from(address), client_id=client_id, client_secret=secret)
    assert status == 200, body
    claims: dict[str, Any] = jwt.decode(body["token"], KEY, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == body["expires_in"]
    return claims


async def test_every_token_names_its_scopes_even_when_it_has_none(door: Door, registry: ClientRegistry) -> None:
    _, secret = await registry.add("powerless", [])
    assert (await claims_of(door, "powerless", secret))["scope"] == ""
    _, body = await door.ask_token(heard_from(stranger()), client_id="powerless", client_secret=secret)
    for protocol in ("grpc", "rest"):
        heard = await door.hears(protocol, "SendMessage", MESSAGE, body["token"])
        assert heard.code == "permission_denied"


async def test_a_token_does_not_outlast_its_client(door: Door, registry: ClientRegistry) -> None:
    bounds = ClientBounds(expires_at=datetime.now(UTC) + timedelta(seconds=100))
    _, secret = await registry.add("brief", [Scope.MESSAGES], bounds)
    assert 90 <= (claims := await claims_of(door, "brief", secret))["exp"] - claims["iat"] <= 100


async def test_every_attempt_is_on_the_log(
    door: Door, registry: ClientRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret = await registry.add("logged")
    good, bad = stranger(), stranger()
    with caplog.at_level(logging.INFO):
        await door.ask_token(heard_from(good), client_id="logged", client_secret=secret)
        await door.ask_token(heard_from(bad), client_id="logged", client_secret="wrong-guess")
    lines = [(record.message, record.__dict__["fields"]) for record in caplog.records if "event" in record.__dict__]
    (issued,) = [fields for message, fields in lines if message == "token issued"]
    assert (issued["caller"], issued["client_address"]) == ("logged", good)
    (refused,) = [fields for message, fields in lines if message == "token refused"]
    assert (refused["claimed_client"], refused["client_address"], refused["code"]) == ("logged", bad, "unauthenticated")
    assert {record.__dict__["event"] for record in caplog.records if record.message.startswith("token ")} == {"AUTH"}
    assert "wrong-guess" not in str(lines)
    assert secret not in str(lines)


# ── what becomes of a token ──


async def settled(code: str, ask: Callable[[], Awaitable[str]]) -> None:
    """Asks until the answer is the one that is to come, within seconds."""
    async with asyncio.timeout(20):
        while await ask() != code:  # noqa: ASYNC110 -- replicas look at the table by time
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
async def test_a_revoked_clients_live_token_stops(protocol: str, door: Door, registry: ClientRegistry) -> None:
    name = f"revoked-{protocol}"
    _, secret = await registry.add(name)
    _, body = await door.ask_token(heard_from(stranger()), client_id=name, client_secret=secret)
    own = token(client_id=name)

    async def code(held: str) -> str:
        return (await door.hears(protocol, "SendMessage", MESSAGE, held)).code

    assert await code(body["token"]) == "ok"
    await registry.revoke(name)
    await settled("unauthenticated", lambda: code(body["token"]))
    assert await code(own) == "unauthenticated"
    status, _ = await door.ask_token(heard_from(stranger()), client_id=name, client_secret=secret)
    assert status == 401

    await registry.add(name)
    await settled("ok", lambda: code(own))
    assert await code(body["token"]) == "unauthenticated"


async def test_an_older_secret_ends_and_the_token_it_brought_does_not(door: Door, registry: ClientRegistry) -> None:
    _, first = await registry.add("rotated")
    await claims_of(door, "rotated", first)
    second = await registry.rotate("rotated", timedelta(0))
    status, _ = await door.ask_token(heard_from(stranger()), client_id="rotated", client_secret=first)
    assert status == 401
    await claims_of(door, "rotated", second)


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
async def test_a_quota_is_kept_and_on_the_record(protocol: str, door: Door, registry: ClientRegistry) -> None:
    name = f"busy-{protocol}"
    _, secret = await registry.add(name, [Scope.MESSAGES], ClientBounds(quota_per_minute=3))
    _, body = await door.ask_token(heard_from(stranger()), client_id=name, client_secret=secret)
    heard = [await door.hears(protocol, "SendMessage", MESSAGE, body["token"]) for _ in range(4)]
    assert [one.code for one in heard] == ["ok"] * 3 + ["rate_limited"]
    assert heard[3].outcome == "not_sent"
    assert 0 < (heard[3].retry_after_seconds or 0) <= 60
    assert heard[3].is_retryable
    assert heard[3].action_id is not None
    module: RunningModule = door.module
    assert (await module.row(heard[3].action_id)).error_code == "rate_limited"
    other = await door.hears(protocol, "SendMessage", MESSAGE, token())
    assert other.code == "ok"


# ── several replicas ──


async def test_replicas_count_and_revoke_together(
    postgres_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = {"DATABASE_URL": postgres_url, "REDIS_URL": valkey_url, "TRUSTED_PROXIES": PROXIES}
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp
        doors = [await stack.enter_async_context(open_door(folder("replica"), **shared)) for _ in range(2)]
        database = await stack.enter_async_context(Database(Secret(postgres_url)))
        registry = ClientRegistry(database.writer)
        _, secret = await registry.add("shop", [Scope.MESSAGES], ClientBounds(quota_per_minute=3))

        tried = [
            (await doors[turn % 2].ask_token(heard_from("198.51.77.1"), client_id=f"n{turn}", client_secret="g"))[0]
            for turn in range(12)
        ]
        assert tried == [401] * 10 + [429] * 2

        _, body = await doors[0].ask_token(heard_from("198.51.77.2"), client_id="shop", client_secret=secret)
        held = body["token"]
        heard = [await doors[turn % 2].hears("grpc", "SendMessage", MESSAGE, held) for turn in range(4)]
        assert [one.code for one in heard] == ["ok"] * 3 + ["rate_limited"]

        await registry.revoke("shop")
        for door in doors:
            await settled("unauthenticated", partial(_code, door, held))


async def _code(door: Door, held: str) -> str:
    return (await door.hears("rest", "SendMessage", MESSAGE, held)).code

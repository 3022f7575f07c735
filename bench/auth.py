"""What letting a caller in costs: `python -m bench.auth`.

CPU of the loop's thread for one action of a token that was seen before: the bearer token to its caller, and the
caller's right to the action. Beside it two floors in the same run: one look-up in a dict by the token's hash, which is
the least that recognises a token, and one bare `jwt.decode`, which is what it would cost without remembering. Three
kinds of callers are measured: the router, a registered client, and one bound to guilds, whose channel's guild is known.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from statistics import median
from typing import Final

import jwt

from bench.figures import Figure, Report
from config import AuthSettings
from services.actions import SendMessage, parse
from services.auth import TokenVerifier
from services.authorization import authorize, check_place, needs_place
from services.clients import ClientBounds, RegisteredClient
from services.discord_service.places import Places
from services.lifecycle.clock import SystemClock
from services.ports import Call, ChannelBody, Delivery, Reply

KEY: Final = "a-key-for-measuring-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP"
ROUNDS: Final = 7
ACTIONS: Final = 20_000
BOUND_MICROSECONDS: Final = 20
MESSAGE: Final = parse(SendMessage, {"channel_id": "123456789012345678", "content": "x"})
SCOPES: Final = frozenset({"messages", "reactions", "roles"})


@dataclass
class Registered:
    """One registered client beside many, as the roster holds them."""

    clients: dict[str, RegisteredClient] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)

    def find(self, client_id: str) -> RegisteredClient | None:
        return self.clients.get(client_id)

    def note_use(self, client: RegisteredClient) -> None:
        self.seen[client.client_id] = datetime.now(UTC)

    async def refresh(self) -> bool:
        return True


class OneGuild:
    """A Discord that knows one guild."""

    async def send(self, call: Call, delivery: Delivery) -> Reply:
        return Reply(200, ChannelBody(id=call.major, guild_id="1"))


def main() -> None:
    """Measures and prints."""
    print(measure().as_text())


def measure() -> Report:
    """The figures, the highest of the three kinds of callers beside both floors."""
    return asyncio.run(_measure())


async def _measure() -> Report:
    floor, decode = await _microseconds(_looked_up()), await _microseconds(_decoded())
    report = Report()
    for who, claims in CALLERS.items():
        each = await _microseconds(_let_in(claims))
        figure = Figure(
            f"let in, token seen before: {who}", each, "µs", f"≤ {BOUND_MICROSECONDS} µs", floor, each / floor
        )
        report.figures.append(figure)
    report.figures.append(Figure("the same without remembering: jwt.decode alone", decode, "µs", "–", floor))
    report.remarks.append(
        "Letting in: CPU time, the median of seven rounds; floor: hash of the token and a dict look-up."
    )
    return report


CALLERS: Final[Mapping[str, Mapping[str, object]]] = {
    "the router": {"client_id": "router"},
    "a registered client": {"client_id": "shop", "scope": "messages reactions", "reg": 7},
    "one bound to guilds": {"client_id": "shop", "scope": "messages", "guilds": ["1", "2"]},
}

type Once = Callable[[], Awaitable[object]]


def _token(claims: Mapping[str, object]) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now, "exp": now + 3600, **claims}, KEY, algorithm="HS256")


def _looked_up() -> Once:
    token = _token({"client_id": "router"})
    known = {sha256(token.encode()).digest(): "router"}

    async def once() -> object:
        return known.get(sha256(token.encode()).digest())

    return once


def _decoded() -> Once:
    token = _token({"client_id": "router"})

    async def once() -> object:
        return jwt.decode(token, KEY, algorithms=["HS256"])

    return once


def _let_in(claims: Mapping[str, object]) -> Once:
    clock, registered = SystemClock(), Registered()
    since = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(1_000):
        name = f"client-{number}"
        registered.clients[name] = RegisteredClient(number + 100, name, SCOPES, since)
    registered.clients["shop"] = RegisteredClient(7, "shop", SCOPES, since, bounds=ClientBounds())
    verifier = TokenVerifier(AuthSettings.model_validate({"secret_key": KEY}), clock, registered)
    places, token = Places(OneGuild(), clock), _token(claims)

    async def once() -> object:
        caller = await verifier.authenticate(token)
        authorize(MESSAGE, caller)
        if needs_place(MESSAGE, caller):
            check_place(MESSAGE, caller, await places.of(MESSAGE, caller.client_id, time.monotonic() + 1))
        return caller

    return once


async def _microseconds(once: Once) -> float:
    """CPU time of one, the median of the rounds."""
    await once()
    taken = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(ACTIONS):
            await once()
        taken.append((time.thread_time() - began) / ACTIONS * 1e6)
    return median(taken)


if __name__ == "__main__":
    main()

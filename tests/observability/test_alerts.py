"""Every alert is made to fire by what it is there for, on a real module: nothing before, something after.

The waits of the rules (`for`) are Prometheus's business and not repeated here; a threshold that would take minutes to
reach is lowered, where the case says so.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config import LogSettings, RecordSettings, Settings
from sandbox import Options, Sandbox
from sandbox.model import Channel, ChannelType
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from services.audit import Journal
from services.lifecycle import build as building
from services.lifecycle import discord as upstream
from services.lifecycle.build import build
from services.lifecycle.stopping import BoundedStack, Stop
from services.redaction import Redactor
from services.telemetry import configure_logging, get_logger
from tests.observability.expressions import Page, evaluate
from tests.observability.rules import alerts
from tests.support.module import environment, running_module, token
from tests.support.postgres import PostgresServer
from tests.support.process import serving_program
from tests.support.record import DELIVERED, entry, eventually
from tests.support.valkey import ValkeyServer

FIRES_WITHIN_SECONDS = 30.0
WEBHOOK = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
UNBOUND = {"DISCORD_RATE_LIMIT_GLOBAL": "100000", "DISCORD_RATE_LIMIT_PER_CHANNEL": "100000"}
SMALL = 64 * 1024
CHANNELS = [str(20_000 + number) for number in range(40)]


@dataclass
class Scene:
    """A module, what stands around it, and a caller."""

    url: str
    sandbox: Sandbox
    session: aiohttp.ClientSession
    postgres: PostgresServer
    valkey: ValkeyServer
    house: Any = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    is_discovered: bool = True
    others: int = 0
    expected: int = 1

    async def page(self) -> Page:
        """What Prometheus would have read now; its own `up`, also of others, and the expected number included."""
        try:
            async with self.session.get(f"{self.url}/metrics") as answer:
                text, up = await answer.text(), 1
        except aiohttp.ClientError:
            text, up = "", 0
        found = {f"other-{number}": 1 for number in range(self.others)} | ({"this": up} if self.is_discovered else {})
        ups = [f'up{{job="discord-action",instance="{name}"}} {value}\n' for name, value in found.items()]
        own = ["# TYPE up gauge\n", *ups, f"discord_action:replicas_expected {self.expected}\n"]
        return Page(text + "".join(own), time.monotonic())

    async def send(self, channel: str = "123", *, bearer: str | None = None, **headers: str) -> None:
        """One message; whatever becomes of it."""
        sent = {"Authorization": f"Bearer {bearer or token()}"} | headers
        body = {"channel_id": channel, "content": "hello"}
        async with self.session.post(f"{self.url}/api/v1/message", json=body, headers=sent) as answer:
            await answer.read()

    async def send_many(self, number: int, channels: list[str] = CHANNELS, **headers: str) -> None:
        await asyncio.gather(*(self.send(channels[n % len(channels)], **headers) for n in range(number)))

    def leave(self, sending: Awaitable[None]) -> None:
        """Lets it go on for as long as the scene lasts."""
        self.tasks.append(asyncio.ensure_future(sending))


type Drive = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """What makes an alert fire, in which setting, and which threshold is lowered for it."""

    drive: Drive
    variables: dict[str, str] = field(default_factory=dict)
    setting: Callable[[pytest.MonkeyPatch], None] = lambda _: None
    lowered: tuple[str, str] = ("", "")
    database: str = "sqlite"


def a_small_journal(patch: pytest.MonkeyPatch) -> None:
    def journal(settings: RecordSettings, redactor: Redactor) -> Journal:
        return Journal(settings.journal_dir, redactor, most_bytes=6 * SMALL, segment_bytes=SMALL)

    patch.setattr(building, "_journal", journal)


def a_small_budget(patch: pytest.MonkeyPatch) -> None:
    whole = upstream._bounds
    patch.setattr(upstream, "_bounds", lambda settings: replace(whole(settings), invalid_requests=10))


async def token_revoked(scene: Scene) -> None:
    scene.sandbox.faults.add("unauthorized")
    await scene.send()


async def cloudflare_blocks(scene: Scene) -> None:
    scene.sandbox.faults.add("cloudflare_429")
    await scene.send(Prefer="wait=1")


async def discord_is_away(scene: Scene) -> None:
    await scene.send_many(25)


async def forbidden(scene: Scene) -> None:
    scene.sandbox.faults.add("status", status=403, body={"code": 50013, "message": "Missing Permissions"})
    for channel in CHANNELS[:7]:
        await scene.send(channel)


async def discord_says_429(scene: Scene) -> None:
    scene.sandbox.faults.add("rate_limited", count=2, retry_after_seconds=0.1)
    await scene.send()


async def too_much_for_one_channel(scene: Scene) -> None:
    await scene.send_many(20, ["123"], Prefer="wait=0.3")


async def a_crowd(scene: Scene) -> None:
    scene.leave(scene.send_many(40, ["123"]))


async def slow_replies(scene: Scene) -> None:
    scene.sandbox.faults.add("latency", seconds=3)
    scene.leave(scene.send_many(5))


async def replies_get_lost(scene: Scene) -> None:
    scene.sandbox.faults.add("lost_reply")
    headers = {"Authorization": f"Bearer {token()}"}
    body = {"webhook_url": WEBHOOK, "content": "hello"}
    async with scene.session.post(f"{scene.url}/api/v1/webhook/send", json=body, headers=headers) as answer:
        assert (await answer.json())["code"] == "outcome_unknown"


async def something_unforeseen(scene: Scene) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("made by a test")

    scene.house.service._discord.send = broken
    await scene.send()


async def database_down(scene: Scene) -> None:
    await asyncio.to_thread(scene.postgres.stop)
    await scene.send_many(3)


async def database_down_until_the_journal_is_full(scene: Scene) -> None:
    await asyncio.to_thread(scene.postgres.stop)
    for _ in range(50):
        await scene.send_many(40)
        if not scene.house.health.is_ready:
            return


async def rows_the_table_refuses(scene: Scene) -> None:
    name = scene.house.settings.database.url.get_secret_value().rpartition("/")[2]
    check = "ALTER TABLE discord_actions ADD CONSTRAINT odd CHECK (channel_id <> '20000')"
    await asyncio.to_thread(scene.postgres.execute, check, name)
    await scene.send(CHANNELS[0])


async def redis_down(scene: Scene) -> None:
    await asyncio.to_thread(scene.valkey.stop)
    await scene.send(**{"Idempotency-Key": "a"})


async def guessing(scene: Scene) -> None:
    for number in range(30):
        await scene.send(bearer=f"guess-{number}")


async def a_blocked_loop(_: Scene) -> None:
    for _time in range(8):
        time.sleep(0.4)  # noqa: ASYNC251 -- the point of it
        await asyncio.sleep(0)


async def busy_connections(scene: Scene) -> None:
    scene.sandbox.faults.add("hang")
    scene.leave(scene.send_many(14))
    connections = scene.house.rest.connections
    await eventually(lambda: connections.open_count >= 10 and not connections.quiet_count)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await scene.send()


async def nothing(_: Scene) -> None:
    return


LOST = {"DISCORD_API_BASE": "http://127.0.0.1:9/api/v10", "MAX_RETRIES": "0"}
CASES = {
    "DiscordActionNotReady": Case(
        database_down_until_the_journal_is_full, UNBOUND, a_small_journal, database="postgresql"
    ),
    "DiscordActionRecordRefuses": Case(
        database_down_until_the_journal_is_full, UNBOUND, a_small_journal, database="postgresql"
    ),
    "DiscordActionJournalGrowing": Case(
        database_down_until_the_journal_is_full, UNBOUND, a_small_journal, database="postgresql"
    ),
    "DiscordActionJournalNearlyFull": Case(
        database_down_until_the_journal_is_full, UNBOUND, a_small_journal, database="postgresql"
    ),
    "DiscordActionDatabaseDown": Case(database_down, database="postgresql"),
    "DiscordActionRowsLate": Case(database_down, lowered=("> 30", "> 1"), database="postgresql"),
    "DiscordActionRowsRefused": Case(rows_the_table_refuses, database="postgresql"),
    "DiscordActionBotTokenRefused": Case(token_revoked),
    "DiscordActionCloudflareBlock": Case(cloudflare_blocks),
    "DiscordActionDiscordDown": Case(discord_is_away, LOST | UNBOUND),
    "DiscordActionInvalidBudget": Case(forbidden, setting=a_small_budget),
    "DiscordActionRateLimited": Case(discord_says_429),
    "DiscordActionDeadlineMisses": Case(too_much_for_one_channel),
    "DiscordActionBacklog": Case(a_crowd, lowered=("> 500", "> 10")),
    "DiscordActionPlacesTaken": Case(slow_replies, {"MAX_CONCURRENT_REQUESTS": "1"}),
    "DiscordActionOutcomeUnknown": Case(replies_get_lost),
    "DiscordActionInternalErrors": Case(something_unforeseen),
    "DiscordActionRedisDown": Case(redis_down, {"REDIS_URL": "yes"}),
    "DiscordActionLimitsAlone": Case(redis_down, {"REDIS_URL": "yes"}),
    "DiscordActionAuthFailures": Case(guessing),
    "DiscordActionLoopLag": Case(a_blocked_loop),
    "DiscordActionConnectionsRefused": Case(busy_connections, {"REST_MAX_CONNECTIONS": "10"}),
}
ELSEWHERE = {
    "DiscordActionDown",
    "DiscordActionReplicasMissing",
    "DiscordActionReplicaUnseen",
    "DiscordActionJournalDamaged",
    "DiscordActionLogLinesDropped",
}
EXPRESSIONS = {alert.name: alert.expression for alert in alerts()}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving(Options(limits_enabled=False)) as served:
        for channel_id in CHANNELS:
            served.world.open_channel(Channel(channel_id, ChannelType.TEXT, f"alerts-{channel_id}", "1"))
        yield served


@asynccontextmanager
async def scene_of(
    case: Case, sandbox: Sandbox, url: str, postgres: PostgresServer, valkey: ValkeyServer
) -> AsyncIterator[Scene]:
    variables = case.variables | ({"REDIS_URL": valkey.url} if "REDIS_URL" in case.variables else {})
    async with (
        running_module(sandbox, url, **variables) as module,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        scene = Scene(module.rest_url, sandbox, session, postgres, valkey, module.house)
        try:
            yield scene
        finally:
            sandbox.faults.clear()
            for task in scene.tasks:
                task.cancel()
            await asyncio.gather(*scene.tasks, return_exceptions=True)


async def fires(name: str, scene: Scene, drive: Drive, lowered: tuple[str, str] = ("", "")) -> None:
    """Nothing, then the drive, then the alert."""
    expression = EXPRESSIONS[name].replace(*lowered) if lowered[0] else EXPRESSIONS[name]
    assert not lowered[0] or expression != EXPRESSIONS[name]
    async with asyncio.timeout(FIRES_WITHIN_SECONDS):
        while evaluate(expression, before := await scene.page(), before):  # noqa: ASYNC110 -- watches a page
            await asyncio.sleep(0.1)
    await drive(scene)
    async with asyncio.timeout(FIRES_WITHIN_SECONDS):
        while not evaluate(expression, before, await scene.page()):  # noqa: ASYNC110 -- watches a page
            await asyncio.sleep(0.1)


def test_every_alert_is_driven() -> None:
    assert CASES.keys() | ELSEWHERE == EXPRESSIONS.keys()
    assert not CASES.keys() & ELSEWHERE


@pytest.mark.parametrize("name", sorted(name for name, case in CASES.items() if case.database == "sqlite"))
async def test_it_fires(
    name: str,
    sandbox: Sandbox,
    sqlite_url: str,
    postgres_server: PostgresServer,
    valkey_server: ValkeyServer,
    valkey_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = CASES[name]
    case.setting(monkeypatch)
    try:
        async with scene_of(case, sandbox, sqlite_url, postgres_server, valkey_server) as scene:
            await fires(name, scene, case.drive, case.lowered)
    finally:
        await asyncio.to_thread(valkey_server.restart)


@pytest.mark.parametrize("name", sorted(name for name, case in CASES.items() if case.database == "postgresql"))
async def test_it_fires_when_the_database_is_in_trouble(
    name: str,
    sandbox: Sandbox,
    postgres_url: str,
    postgres_server: PostgresServer,
    valkey_server: ValkeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = CASES[name]
    case.setting(monkeypatch)
    async with scene_of(case, sandbox, postgres_url, postgres_server, valkey_server) as scene:
        try:
            await fires(name, scene, case.drive, case.lowered)
        finally:
            await asyncio.to_thread(postgres_server.restart)


@pytest.mark.parametrize("is_still_discovered", [True, False])
@pytest.mark.parametrize(("replicas", "alert"), [(1, "DiscordActionDown"), (2, "DiscordActionReplicasMissing")])
async def test_a_replica_that_is_gone(
    sandbox: Sandbox,
    sqlite_url: str,
    postgres_server: PostgresServer,
    valkey_server: ValkeyServer,
    replicas: int,
    alert: str,
    is_still_discovered: bool,
) -> None:
    async with serving_program(environment(sandbox, sqlite_url)) as started, aiohttp.ClientSession() as session:

        async def kill(scene: Scene) -> None:
            started.process.kill()
            await started.ends()
            scene.is_discovered = is_still_discovered

        shared = sandbox, session, postgres_server, valkey_server
        await fires(alert, Scene(started.rest_url, *shared, others=replicas - 1, expected=replicas), kill)


async def test_a_replica_that_works_and_is_not_scraped(
    sandbox: Sandbox, sqlite_url: str, postgres_server: PostgresServer, valkey_server: ValkeyServer, valkey_url: str
) -> None:
    case = Case(nothing, {"REDIS_URL": "yes"})
    async with scene_of(case, sandbox, sqlite_url, postgres_server, valkey_server) as scene, AsyncExitStack() as stack:

        async def start_another(_: Scene) -> None:
            await stack.enter_async_context(running_module(sandbox, f"{sqlite_url}.other", REDIS_URL=valkey_server.url))

        await fires("DiscordActionReplicaUnseen", scene, start_another)
        scene.others = 1
        assert evaluate(EXPRESSIONS["DiscordActionReplicaUnseen"], page := await scene.page(), page) == {}


async def leave_a_damaged_journal(root: Path) -> None:
    left = Journal(root, Redactor(), segment_bytes=SMALL)
    await left.start()
    for one in [entry() for _ in range(4)]:
        left.begin(one)
        left.end(one, DELIVERED)
    segment = left.store.segments[0].path
    stored = bytearray(segment.read_bytes())
    stored[100] ^= 0xFF
    await left.close()
    segment.write_bytes(stored)


async def test_a_journal_that_is_damaged(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, postgres_server: PostgresServer, valkey_server: ValkeyServer
) -> None:
    """Another process's: it is looked at when this one starts, so the alert must not need an earlier page."""
    root, case = tmp_path / "journal", Case(nothing, {"JOURNAL_DIR": str(tmp_path / "journal")})
    expression = EXPRESSIONS["DiscordActionJournalDamaged"]
    async with scene_of(case, sandbox, sqlite_url, postgres_server, valkey_server) as scene:
        before = await scene.page()
        assert evaluate(expression, before, before) == {}
    await leave_a_damaged_journal(root)
    async with scene_of(case, sandbox, sqlite_url, postgres_server, valkey_server) as scene:
        async with asyncio.timeout(FIRES_WITHIN_SECONDS):
            while not evaluate(expression, page := await scene.page(), page):  # noqa: ASYNC110 -- watches a page
                await asyncio.sleep(0.1)


async def test_a_log_that_cannot_keep_up(
    sandbox: Sandbox, sqlite_url: str, postgres_server: PostgresServer, valkey_server: ValkeyServer
) -> None:
    settings = Settings.load(env_file=None, environ=environment(sandbox, sqlite_url))
    with configure_logging(LogSettings(), "module", "1") as logging:

        async def flood(_: Scene) -> None:
            logging._pipe._longest = 5
            for _line in range(50):
                get_logger("services.flood").warning("once more")

        async with BoundedStack(Stop(pause_seconds=0, grace_seconds=5)) as stack, aiohttp.ClientSession() as session:
            house = await build(settings, stack, None, logging)
            _, rest_port = await house.open_ports()
            try:
                scene = Scene(f"http://127.0.0.1:{rest_port}", sandbox, session, postgres_server, valkey_server, house)
                await fires("DiscordActionLogLinesDropped", scene, flood)
            finally:
                house.stop.ask()
                await house.wind_down()

"""No secret leaves: the real program, driven over both protocols down every path, failures above all.

Afterwards no log line, row, journal, key file, Redis value, metric, trace, answer, request to Discord or view of the
process holds a canary, in any encoding. Secrets come from files, requests and answers are read as they are on the wire.
"""

import base64
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import grpc
import pytest

from tests.conformance.cases import DELIVERED, DENIED, INVALID, REJECTED, WEBHOOK, Case
from tests.security.canaries import MARK, Canaries, forms, found
from tests.security.canary_caller import PROTOCOLS, CanaryCaller
from tests.security.canary_run import CanaryRun, canary_run, sabotaged_program
from tests.support.postgres import PostgresServer
from tests.support.process import Program, program

MESSAGE: Final = {"channel_id": "123", "content": "hello"}
WEBHOOK_MESSAGE: Final = {"webhook_url": WEBHOOK, "content": "hello"}
OPEN_PATHS: Final = ("/", "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/nowhere")

pytestmark = pytest.mark.timeout(150)


@asynccontextmanager
async def caller_of(started: Program, canaries: Canaries) -> AsyncIterator[CanaryCaller]:
    async with aiohttp.ClientSession() as session, grpc.aio.insecure_channel(started.grpc_target) as channel:
        yield CanaryCaller(started, canaries, session, channel)


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_canary_is_seen_outside(log_format: str, tmp_path: Path, postgres_server: PostgresServer) -> None:
    async with canary_run(tmp_path, postgres_server, log_format) as run:
        secret = await registered_client(run)
        async with sabotaged_program(run) as started, caller_of(started, run.canaries) as caller:
            await every_case(run, caller)
            await strange_tokens(run, caller, secret)
            await unreadable_bodies(run, caller, secret)
            await echoes_of_discord(run, caller)
            await faults_of_our_own(run, caller)
            await what_operators_see(run, started, caller)
            run.keep_stores()
            await outages(run, caller)
            run.keep_process(started)
            run.keep_files()
            started.signal(signal.SIGTERM)
            assert await started.ends() == 0
        run.places |= caller.answers
        run.keep_printed("serve", started)
        run.keep_files()
        run.keep_arrivals()
    went_everywhere(run)
    assert found(run.canaries.every, places_without_right(run)) == []


# ── the paths ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def registered_client(run: CanaryRun) -> str:
    """A registered client's secret: printed once, for the operator, and nowhere else."""
    async with program(run.variables, "clients", "add", "shop") as started:
        assert await started.ends() == 0
    printed = dict(str(line["message"]).split(maxsplit=1) for line in started.lines)
    run.canaries.learned["client secret"] = printed["client_secret:"]
    run.keep("clients add, stderr", "\n".join(started.errors))
    return printed["client_secret:"]


async def every_case(run: CanaryRun, caller: CanaryCaller) -> None:
    """Every action, done and refused; what is done holds secrets where a text may stand."""
    is_whole = run.log_format == "json"  # the form of a line has nothing to do with most of what is in it
    for case in (*DELIVERED, *INVALID, *REJECTED, *DENIED) if is_whole else (*DELIVERED[::4], *DENIED):
        token = run.canaries.token(**case.claims)
        for protocol in PROTOCOLS:
            run.reset_sandbox()
            if can_be_sent(case, protocol):
                await caller.perform(protocol, case.rpc, case.fields, token)
    run.reset_sandbox()


def can_be_sent(case: Case, protocol: str) -> bool:
    """Some invalid fields have no form in a message or in a path."""
    is_plain = all(isinstance(value, str) and value for value in case.fields.values())
    return case.http == 200 or (protocol == "rest" and is_plain) or (protocol == "grpc" and is_plain)


async def strange_tokens(run: CanaryRun, caller: CanaryCaller, secret: str) -> None:
    """Credentials that do not work, and good ones where they do not belong."""
    forged = run.canaries.token(signed_with="another-key-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-0123456789")
    old = run.canaries.token(signed_with=run.canaries.previous_key)
    good = run.canaries.token()
    for protocol in PROTOCOLS:
        for token in (forged, run.canaries.token(exp=1), forged[:-9], secret, run.canaries.bot_token, ""):
            await caller.perform(protocol, "SendMessage", MESSAGE, token)
        await caller.perform(protocol, "SendMessage", MESSAGE, old)
        basic = base64.b64encode(f"shop:{secret}".encode()).decode()
        await caller.perform(protocol, "SendMessage", MESSAGE, "", {"authorization": f"Basic {basic}"})
    for path in (f"/api/v1/actions?token={good}", f"/api/v1/{good}", f"/metrics?authorization={secret}"):
        await caller.http("GET", path)
    await caller.http("GET", "/api/v1/actions", {"authorization": f"Bearer {good}"})
    for password in (secret, secret[::-1]):
        await caller.http("POST", "/api/v1/token", json={"client_id": "shop", "client_secret": password})


async def unreadable_bodies(run: CanaryRun, caller: CanaryCaller, secret: str) -> None:
    """Bodies that break off in the middle of a secret, and secrets in fields that there are not."""
    token = run.canaries.token()
    bearer = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    for path in ("/api/v1/token", "/api/v1/message", "/api/v1/webhook/send"):
        for body in (
            f'{{"client_secret": "{secret}"',
            f'"{token}"',
            f'{{"client_secret": ["{secret}"], "x": "{token}"}}',
        ):
            await caller.http("POST", path, bearer, data=body)
        await caller.http("POST", path, bearer, data=f'{{"{secret}": 1}}')
        caller.forget_last()  # its own words: which field there is not
    for rpc in ("SendMessage", "SendWebhook"):
        await caller.rpc(rpc, b"\xff\xff" + f"{WEBHOOK} {token}".encode(), {"authorization": f"Bearer {token}"})
    for address in (f"{WEBHOOK}/extra", WEBHOOK.replace("discord.com", "evil.example"), f"{WEBHOOK}#x"):
        for protocol in PROTOCOLS:
            await caller.perform(protocol, "SendWebhook", {"webhook_url": address, "content": "x"}, token)


async def echoes_of_discord(run: CanaryRun, caller: CanaryCaller) -> None:
    """Discord, or what stands before it, says back what it was sent."""
    said = f"Authorization: Bot {run.canaries.bot_token} at /webhooks/555/{run.canaries.webhook_token}"
    body = {"code": 50035, "message": said, "errors": {said: {"_errors": [{"code": said, "message": said}]}}}
    headers = {"X-Echo": said, "Retry-After": run.canaries.bot_token, "X-RateLimit-Bucket": run.canaries.bot_token}
    headers |= {"X-RateLimit-Scope": run.canaries.bot_token, "Via": "1.1 google"}
    faults: list[dict[str, Any]] = [
        *({"kind": "status", "status": status, "body": body, "headers": headers} for status in (400, 403, 404, 500)),
        {"kind": "html", "status": 502, "html": f"<pre>{said}</pre>"},
        {"kind": "wrong_type", "body": said},
        {"kind": "reset"},
        {"kind": "truncated"},
        {"kind": "status", "status": 401, "body": body, "headers": headers},
    ]
    token = run.canaries.token()
    for fault in faults:
        for rpc, fields in (
            ("SendMessage", MESSAGE),
            ("SendWebhook", WEBHOOK_MESSAGE),
            ("CreateWebhook", {"channel_id": "124"}),
        ):
            for protocol in PROTOCOLS:
                run.reset_sandbox()
                run.sandbox.faults.add(**fault)
                await caller.perform(protocol, rpc, fields, token)
    run.reset_sandbox()


async def faults_of_our_own(run: CanaryRun, caller: CanaryCaller) -> None:
    """Errors that nobody foresaw: their texts, causes and notes name every secret at hand."""
    marked = run.canaries.token(client_id=MARK)
    for protocol in PROTOCOLS:
        await caller.perform(protocol, "SendMessage", MESSAGE, marked)
        token = run.canaries.token()
        await caller.perform(protocol, "SendMessage", {**MESSAGE, "channel_id": MARK}, token)
        address = WEBHOOK.replace("/555/", f"/{MARK}/")
        await caller.perform(protocol, "SendWebhook", {"webhook_url": address, "content": "x"}, token)


async def what_operators_see(run: CanaryRun, started: Program, caller: CanaryCaller) -> None:
    """The commands, and the paths that are open to everybody."""
    for path in OPEN_PATHS:
        await caller.http("GET", path)
    reads_all = {"authorization": f"Bearer {run.canaries.token()}"}
    for path in ("/api/v1/actions?limit=100", "/api/v1/actions/export", "/api/v1/limits"):
        await caller.http("GET", path, reads_all)
    for command in (("check-config",), ("limits",), ("audit", "export"), ("clients", "list")):
        async with program(run.variables, *command) as asked:
            assert await asked.ends() == 0, (command, asked.errors)
        run.keep_printed(" ".join(command), asked)


async def outages(run: CanaryRun, caller: CanaryCaller) -> None:
    """Redis and then the database go away under requests."""
    token, key = run.canaries.token(), {"idempotency-key": "once"}
    for protocol in PROTOCOLS:
        await caller.perform(protocol, "SendWebhook", WEBHOOK_MESSAGE, token, key)
    run.valkey.stop()
    for protocol in PROTOCOLS:
        await caller.perform(protocol, "SendWebhook", WEBHOOK_MESSAGE, token, {"idempotency-key": "again"})
    run.refuse_rows_of("124")
    for protocol in PROTOCOLS:
        await caller.perform(protocol, "CreateWebhook", {"channel_id": "124"}, token)
        await caller.perform(protocol, "SendMessage", {"channel_id": "124", "content": f"{token} {WEBHOOK}"}, token)
    await caller.http("GET", "/api/v1/actions", {"authorization": f"Bearer {token}"})


# ── what is found ────────────────────────────────────────────────────────────────────────────────────────────────────


def places_without_right(run: CanaryRun) -> dict[str, bytes]:
    """What was left behind, without what stands where it belongs.

    A webhook's token is in the path of a request to Discord, a message's content in its body, and the API's description
    has the sandbox's webhook as its example.
    """
    places = dict(run.places)
    spoken = [text for name, text in run.canaries.every.items() if "webhook" in name or text.startswith("eyJ")]
    for text in spoken:
        places["requests to Discord"] = places["requests to Discord"].replace(text.encode(), b"")
    for place, content in run.places.items():
        if place.endswith(("GET /openapi.json", "GET /docs")):
            places[place] = content.replace(run.canaries.webhook_token.encode(), b"")
    return places


def went_everywhere(run: CanaryRun) -> None:
    """Whether the run did what it is for: otherwise nothing found means nothing."""
    log = run.places["file logs/discord_action_module.log"]
    for event in ("AUTH", "AUTHZ", "AUDIT", "ERROR", "SYSTEM"):
        assert (f'"event":"{event}"' if run.log_format == "json" else f" {event} ").encode() in log, event
    for mark in ("rpc", "route"):  # gRPC and REST
        name = f'"{mark}":' if run.log_format == "json" else f" {mark}="
        refused = [line for line in log.decode().splitlines() if "request refused" in line and name in line]
        assert any("unauthenticated" in line and "AUTH" in line for line in refused), mark
        assert any("invalid_argument" in line and "AUDIT" in line for line in refused), mark
    assert log.count(b"[redacted]") > 10
    assert b"broke with" in log
    assert b"decoding" in log
    places = set(run.places)
    assert {"syslog", "traces", "redis", "table discord_actions", "requests to Discord", "/proc environ"} <= places
    assert any(place.startswith("file logs/journal/") for place in places)
    assert len(run.canaries.learned) > 20


@pytest.mark.parametrize("name", Canaries().every)
def test_the_search_finds_each_canary_in_every_form(name: str) -> None:
    secret = Canaries().every[name]
    for form in forms(secret):
        assert found({name: secret}, {"here": b"before " + form + b" after", "there": b"nothing"}) == [
            f"{name} in here"
        ]


# ── starts that fail ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DATABASE_URL": "postgresql://bot:{password}@127.0.0.1:notaport/x"}, 2),
        ({"DATABASE_URL": "postgresql://bot:{password}@127.0.0.1/x?sslmode={password}"}, 2),
        ({"DATABASE_URL": "mysql://bot:{password}@127.0.0.1/x"}, 2),
        ({"REDIS_URL": "redis://:{password}@127.0.0.1:6379/{password}"}, 2),
        ({"MODULE_SECRET_KEY": "{password}"}, 2),
        ({"DISCORD_BOT_TOKEN": "Bot {password}"}, 2),
        ({"REST_PORT": "{taken}"}, 1),
        ({"DATABASE_URL": "postgresql://bot:{password}@127.0.0.1:{closed}/actions"}, 0),
    ],
    ids=str,
)
async def test_a_start_that_fails_names_no_secret(
    change: dict[str, str], code: int, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    async with canary_run(tmp_path, postgres_server, "json") as run:
        password = "canary-of-a-start-0123456789"
        run.canaries.learned["password"] = password
        taken, closed = run.valkey.port, run.ports[0]
        values = {name: text.format(password=password, taken=taken, closed=closed) for name, text in change.items()}
        plain = {name: text for name, text in run.variables.items() if name.removesuffix("_FILE") not in values}
        async with program(plain | values) as started:
            if code == 0:  # it would wait for the database
                await started.says("waiting for the database")
                started.signal(signal.SIGTERM)
            assert await started.ends() == code
        run.keep_printed("serve", started)
        run.keep_files()
        run.keep_arrivals()
    assert run.places["serve, stdout"] + run.places["serve, stderr"] != b""
    assert found(run.canaries.every, run.places) == []

"""Every fault on a real connection: what it is called, and that nothing is ever sent twice."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from config import Secret
from services.discord import transport as module
from services.discord.outbound import Outbound, RequestWriter
from services.discord.transport import LARGEST_BODY_BYTES, Lost, NotSent, Transport
from services.ports import Call
from tests.support.programs import free_port
from tests.unit.discord.calls import BOT_TOKEN, ban, delete_message, react, send_message
from tests.unit.discord.clients import until
from tests.unit.discord.raw_server import (
    VIA,
    Answer,
    Exchange,
    RawServer,
    bytes_,
    closes,
    drips,
    hangs,
    resets,
    resets_unread,
    says,
    then_closes,
)

PATIENCE = 60.0
ANY_METHOD = [send_message, ban, delete_message, lambda: Call("GET", "/users/@me", {}, major="")]
MESSAGE = says(200, {"id": "1"})


@asynccontextmanager
async def transport(attempt_seconds: float = 5.0, connections: int = 10) -> AsyncIterator[Transport]:
    async with Transport(max_connections=connections, attempt_timeout_seconds=attempt_seconds) as opened:
        yield opened


def outbound(base_url: str, call: Call | None = None) -> Outbound:
    return RequestWriter(base_url, Secret(BOT_TOKEN), "1").write(call or send_message())


def patience(fault: str) -> float:
    """Only what ends in a timeout is given little time."""
    return 0.15 if fault in {"silence", "dripping head", "never ends"} else 5.0


async def test_an_answer_is_given_as_it_came() -> None:
    async with (
        RawServer.serving(says(201, {"id": "1"}, headers=f"{VIA}X-RateLimit-Limit: 5\r\n")) as server,
        transport() as it,
    ):
        raw = await it.exchange(outbound(server.base_url), PATIENCE)
    assert (raw.status, raw.body, raw.headers["x-ratelimit-limit"]) == (201, b'{"id":"1"}', "5")


async def test_what_leaves_is_exact() -> None:
    async with RawServer.serving(MESSAGE) as server, transport() as it:
        await it.exchange(outbound(server.base_url), PATIENCE)
        await it.exchange(outbound(server.base_url, react()), PATIENCE)
    with_body, without = server.received
    assert with_body.line == "POST /api/v10/channels/123/messages HTTP/1.1"
    assert with_body.body == b'{"content":"hi","nonce":"n","enforce_nonce":true}'
    assert set(with_body.headers) == {
        "Host", "User-Agent", "Accept", "Accept-Encoding", "Authorization", "Content-Type", "Content-Length",
    }  # fmt: skip
    assert set(without.headers) == {
        "Host", "User-Agent", "Accept", "Accept-Encoding", "Authorization", "Content-Length",
    }  # fmt: skip
    assert without.headers["Content-Length"] == "0"
    assert with_body.headers["Accept-Encoding"] == "identity"


async def test_connections_are_kept_and_used_again() -> None:
    async with RawServer.serving(MESSAGE) as server, transport() as it:
        for _ in range(5):
            await it.exchange(outbound(server.base_url), PATIENCE)
    assert server.connections == 1


async def test_an_empty_success_frees_its_connection() -> None:
    async with RawServer.serving(bytes_(b"HTTP/1.1 204 No Content\r\n\r\n")) as server, transport() as it:
        for _ in range(3):
            assert (await it.exchange(outbound(server.base_url, react()), PATIENCE)).body == b""
    assert server.connections == 1


async def test_cookies_are_not_kept() -> None:
    async with RawServer.serving(says(204, headers="Set-Cookie: __cfuid=1; Path=/\r\n")) as server, transport() as it:
        by_name = server.base_url.replace("127.0.0.1", "localhost")  # no library keeps an address's cookies
        for _ in range(2):
            await it.exchange(outbound(by_name), PATIENCE)
    assert "Cookie" not in server.received[1].headers


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with RawServer.serving(MESSAGE) as other:
        elsewhere = says(307, headers=f"Location: {other.base_url}/stolen\r\n")
        async with RawServer.serving(elsewhere) as server, transport() as it:
            raw = await it.exchange(outbound(server.base_url), PATIENCE)
    assert raw.status == 307
    assert (len(server.received), len(other.received)) == (1, 0)


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer.serving(MESSAGE) as proxy, RawServer.serving(MESSAGE) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with transport() as it:
            await it.exchange(outbound(server.base_url), PATIENCE)
    assert (len(proxy.received), len(server.received)) == (0, 1)


async def test_no_credentials_are_taken_from_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with RawServer.serving(MESSAGE) as server, transport() as it:
        await it.exchange(outbound(server.base_url), PATIENCE)
    assert server.received[0].headers["Authorization"] == f"Bot {BOT_TOKEN}"


# ── nothing left ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("call", ANY_METHOD)
async def test_who_is_refused_a_connection_has_sent_nothing(call: Callable[[], Call]) -> None:
    port = free_port()
    async with transport(attempt_seconds=5) as it:
        with pytest.raises(NotSent) as raised:
            await it.exchange(outbound(f"http://127.0.0.1:{port}", call()), PATIENCE)
    assert raised.value.is_discord_well is False
    assert str(port) not in raised.value.detail


async def test_who_finds_no_address_has_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_address(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_address)
    async with transport(attempt_seconds=5) as it:
        with pytest.raises(NotSent) as raised:
            await it.exchange(outbound("http://discord.invalid"), PATIENCE)
    assert "discord.invalid" not in raised.value.detail


async def test_who_connects_too_slowly_has_sent_nothing() -> None:
    async with silent_port() as port, transport(0.4) as it:
        with pytest.raises(NotSent, match="took too long") as raised:
            await it.exchange(outbound(f"http://127.0.0.1:{port}"), PATIENCE)
    assert raised.value.is_discord_well is False


async def test_connecting_ends_with_the_callers_time_and_says_nothing_of_discord() -> None:
    async with silent_port() as port, transport(attempt_seconds=30) as it:
        started = asyncio.get_running_loop().time()
        with pytest.raises(NotSent) as raised:
            await it.exchange(outbound(f"http://127.0.0.1:{port}"), 0.05)
    assert raised.value.is_discord_well is None
    assert asyncio.get_running_loop().time() - started < 10


@asynccontextmanager
async def silent_port() -> AsyncIterator[int]:
    """A port whose queue of connections is full: the kernel answers no further one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(address)
        yield int(address[1])
        for filler in fillers:
            filler.close()


async def test_a_server_that_speaks_no_tls_was_sent_nothing() -> None:
    async with RawServer.serving(hangs) as server, transport(attempt_seconds=1) as it:
        base = server.base_url.replace("http://", "https://")
        with pytest.raises(NotSent):
            await it.exchange(outbound(base), PATIENCE)
    assert server.received == []


async def test_a_certificate_nobody_vouches_for_ends_it_before_anything_is_sent(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, certificate = await _self_signed(tmp_path)
    context.load_cert_chain(certificate, key)
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(10))
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    async with transport(attempt_seconds=5) as it:
        with pytest.raises(NotSent, match="TLS failed"):
            await it.exchange(outbound(f"https://127.0.0.1:{port}"), PATIENCE)
    listener.close()
    await listener.wait_closed()
    assert b"".join(received) == b""


async def test_a_closed_transport_sends_nothing() -> None:
    async with transport() as it:
        pass
    with pytest.raises(NotSent, match="closed"):
        await it.exchange(outbound("http://127.0.0.1:1"), PATIENCE)


# ── it may have been read ────────────────────────────────────────────────────────────────────────────────────────────

LOSSES: dict[str, Answer] = {
    "closed": closes,
    "reset": resets,
    "reset before it was read": resets_unread,
    "silence": hangs,
    "dripping head": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0.1),
    "no HTTP": bytes_(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "head too large": bytes_(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"),
    "half a head": then_closes(bytes_(b"HTTP/1.1 200 OK\r\nContent-")),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("call", ANY_METHOD)
async def test_who_gets_no_answer_on_a_fresh_connection_has_lost_it(loss: str, call: Callable[[], Call]) -> None:
    async with RawServer.serving(LOSSES[loss], MESSAGE) as server, transport(patience(loss)) as it:
        with pytest.raises(Lost) as raised:
            await it.exchange(outbound(server.base_url, call()), PATIENCE)
    assert len(server.received) == (0 if loss == "reset before it was read" else 1)
    assert server.connections == 1
    assert str(server.port) not in raised.value.detail


@pytest.mark.parametrize("loss", ["closed", "reset", "silence"])
@pytest.mark.parametrize("call", ANY_METHOD)
async def test_a_kept_connection_that_breaks_is_not_tried_again_behind_our_back(
    loss: str, call: Callable[[], Call]
) -> None:
    async with RawServer.serving(MESSAGE, LOSSES[loss], MESSAGE) as server, transport(patience(loss)) as it:
        await it.exchange(outbound(server.base_url, call()), PATIENCE)
        with pytest.raises(Lost):
            await it.exchange(outbound(server.base_url, call()), PATIENCE)
    assert len(server.received) == 2
    assert server.connections == 1


async def test_a_connection_closed_while_idle_is_replaced_without_a_loss() -> None:
    async with RawServer.serving(then_closes(MESSAGE), MESSAGE) as server, transport() as it:
        await it.exchange(outbound(server.base_url), PATIENCE)
        await asyncio.sleep(0.05)
        assert (await it.exchange(outbound(server.base_url), PATIENCE)).status == 200
    assert server.connections == 2


async def test_after_a_loss_the_next_request_has_a_fresh_connection() -> None:
    async with RawServer.serving(hangs, MESSAGE) as server, transport(0.2) as it:
        with pytest.raises(Lost, match=r"within 0\.2 s"):
            await it.exchange(outbound(server.base_url), PATIENCE)
        assert (await it.exchange(outbound(server.base_url), PATIENCE)).status == 200
    assert server.connections == 2


async def test_an_attempt_on_its_way_may_outlast_the_callers_time() -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.15)
        await MESSAGE(exchange)

    async with RawServer.serving(MESSAGE, slow) as server, transport(5) as it:
        await it.exchange(outbound(server.base_url), PATIENCE)
        assert (await it.exchange(outbound(server.base_url), 0.1)).status == 200


# ── the head came ────────────────────────────────────────────────────────────────────────────────────────────────────

BROKEN_BODIES: dict[str, Answer] = {
    "cut short": then_closes(says(200, b'{"id":', length=500)),
    "cut between chunks": then_closes(bytes_(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"id":\r\n')),
    "never ends": says(200, b'{"id":', length=500),
    "too large": says(200, b"x" * (LARGEST_BODY_BYTES + 1)),
    "too large once unpacked": says(
        200, gzip.compress(b"x" * (LARGEST_BODY_BYTES + 1)), headers="Content-Encoding: gzip\r\n"
    ),
    "badly packed": says(200, b"not gzip at all", headers="Content-Encoding: gzip\r\n"),
}


@pytest.mark.parametrize("broken", BROKEN_BODIES)
async def test_a_body_that_is_not_whole_leaves_its_status(broken: str) -> None:
    async with RawServer.serving(BROKEN_BODIES[broken], MESSAGE) as server, transport(patience(broken)) as it:
        raw = await it.exchange(outbound(server.base_url), PATIENCE)
        assert (raw.status, raw.body) == (200, None)
        assert (await it.exchange(outbound(server.base_url), PATIENCE)).body == b'{"id":"1"}'
    assert len(server.received) == 2


async def test_a_large_body_within_the_bound_is_read_whole() -> None:
    async with RawServer.serving(says(200, b"x" * LARGEST_BODY_BYTES)) as server, transport(5) as it:
        raw = await it.exchange(outbound(server.base_url), PATIENCE)
    assert raw.body == b"x" * LARGEST_BODY_BYTES


@pytest.mark.parametrize("stuck", [hangs, says(200, b'{"id":', length=500)], ids=["no head", "half a body"])
async def test_a_cancelled_exchange_gives_its_connection_up(stuck: Answer) -> None:
    async with RawServer.serving(stuck, MESSAGE) as server, transport(5, connections=1) as it:
        running = asyncio.create_task(it.exchange(outbound(server.base_url), PATIENCE))
        await until(lambda: server.received)
        await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await it.exchange(outbound(server.base_url), PATIENCE)).status == 200


def test_connecting_never_takes_as_long_as_an_attempt() -> None:
    for attempt_seconds in (0.1, 1.0, 30.0, 3600.0):
        it = Transport(max_connections=1, attempt_timeout_seconds=attempt_seconds)
        connect = it._timeout.connect
        assert connect is not None
        assert connect <= min(module.CONNECT_SECONDS, attempt_seconds / 2)


async def _self_signed(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=localhost"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return key, certificate

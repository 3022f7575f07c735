"""The export through a real Hypercorn: how it ends is what matters, and no test client shows that."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from services.errors import AuditUnavailable
from services.ports import ActionFilter, Caller
from services.rest_api import export_routes
from services.rest_api.app import RestApp
from tests.unit.rest_api.house import House, row, until
from tests.unit.rest_api.test_server import Server, serving

EXPORT = "/api/v1/actions/export"
HEAD = f"GET {EXPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good-token\r\n\r\n".encode()
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Source:
    """Chunks that come when they are let, and the number of those that were asked for."""

    def __init__(self, chunks: int, size: int = 10, fails_after: int | None = None) -> None:
        self.chunks = chunks
        self.line = b"x" * (size - 1) + b"\n"
        self.fails_after = fails_after
        self.given = 0
        self.is_closed = False
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def export(self, wanted: ActionFilter) -> AsyncGenerator[bytes]:
        try:
            while self.given < self.chunks:
                if self.given == self.fails_after:
                    raise AuditUnavailable("The record cannot be read now.", retry_after_seconds=2)
                self.given += 1
                yield self.line
                await self.may_go_on.wait()
        finally:
            self.is_closed = True


def house_with(source: Source) -> House:
    house = House()
    house.audit.export = source.export  # type: ignore[method-assign]
    return house


@pytest.fixture
def source() -> Source:
    return Source(3)


@pytest.fixture
async def server(source: Source) -> AsyncIterator[Server]:
    async with serving(house_with(source)) as running:
        yield running


async def ask(server: Server, head: bytes = HEAD) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head)
    return reader, writer


async def whole_answer(server: Server, head: bytes = HEAD) -> bytes:
    """Everything until the server closes, or until the last chunk."""
    reader, writer = await ask(server, head)
    received = b""
    async with asyncio.timeout(10):
        while part := await reader.read(65536):
            received += part
            if received.endswith(LAST_CHUNK):
                break
    writer.close()
    return received


async def test_rows_are_lines_of_json() -> None:
    house = House()
    house.audit.rows = [row(id=1), row(id=2)]
    answer = await house.get(EXPORT)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
    assert answer.headers["Cache-Control"] == "no-store"
    assert [json.loads(line)["id"] for line in answer.body.splitlines()] == [1, 2]


async def test_no_rows_are_an_empty_answer() -> None:
    answer = await House().get(EXPORT)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("parameter", ["limit", "cursor"])
async def test_it_has_no_pages(parameter: str) -> None:
    answer = await House().get(f"{EXPORT}?{parameter}=5")
    assert (answer.status, answer.pointers) == (400, [f"#/{parameter}"])


async def test_without_the_scope_a_caller_exports_its_own_rows() -> None:
    house = House()
    house.authenticator.caller = Caller("panel", frozenset({"messages"}))
    await house.get(EXPORT)
    assert house.audit.asked[0][0].client_id == "panel"
    assert (await house.get(f"{EXPORT}?client_id=router")).status == 403


async def test_a_whole_stream_has_its_last_chunk(server: Server) -> None:
    answer = await whole_answer(server)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"xxxxxxxxx\n") == 3
    assert answer.endswith(LAST_CHUNK)


async def test_what_cannot_be_read_at_all_is_a_failure_like_any_other() -> None:
    answer = await house_with(Source(3, fails_after=0)).get(EXPORT)
    assert (answer.status, answer.json["code"]) == (503, "audit_unavailable")


async def test_a_failure_in_the_middle_cuts_the_stream() -> None:
    source = Source(3, fails_after=2)
    async with serving(house_with(source)) as server:
        answer = await whole_answer(server)
        assert answer.count(b"xxxxxxxxx\n") == 2
        assert not answer.endswith(LAST_CHUNK)
        assert source.is_closed
        source.fails_after, source.given = None, 0
        assert (await whole_answer(server)).endswith(LAST_CHUNK)


async def test_a_reader_that_goes_away_ends_it(server: Server, source: Source) -> None:
    source.may_go_on.clear()
    reader, writer = await ask(server)
    await reader.readuntil(b"xxxxxxxxx\n")
    writer.close()
    await until(lambda: source.is_closed)
    assert source.given == 1


async def test_a_reader_sets_the_pace() -> None:
    source = Source(1000, size=1_000_000)
    async with serving(house_with(source)) as server:
        reader, writer = await ask(server)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.5)
        assert source.given < 30
        writer.close()
        await until(lambda: source.is_closed)


async def test_a_reader_that_takes_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RestApp, "stall_seconds", 0.3)
    source = Source(1000, size=1_000_000)
    async with serving(house_with(source)) as server:
        _, writer = await ask(server)
        await until(lambda: source.is_closed)
        assert source.given < 1000
        writer.transport.abort()


async def test_one_that_takes_too_long_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_routes, "LONGEST_SECONDS", -1.0)
    async with serving(house_with(Source(3))) as server:
        assert not (await whole_answer(server)).endswith(LAST_CHUNK)


async def begin_export(house: House, server: Server, client_id: str) -> tuple[bytes, asyncio.StreamWriter]:
    """The beginning of the answer to this caller."""
    house.authenticator.caller = Caller(client_id)
    reader, writer = await ask(server)
    answer = await reader.readuntil(b"\r\n\r\n")
    if answer.startswith(b"HTTP/1.1 200"):
        await reader.readuntil(b"xxxxxxxxx\n")
    return answer, writer


async def test_only_a_few_run_at_once_and_one_of_them_is_left_for_others(source: Source) -> None:
    house = house_with(source)
    source.may_go_on.clear()
    source.chunks = 1000
    asked = (("loud", b"200"), ("loud", b"200"), ("loud", b"503"), ("calm", b"200"), ("late", b"503"))
    async with serving(house) as server:
        writers = []
        for client_id, status in asked:
            answer, writer = await begin_export(house, server, client_id)
            writers.append(writer)
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert (b"retry-after: 10" in answer.lower()) == (status == b"503")
        for writer in writers:
            writer.close()
        await until(lambda: source.is_closed)
        source.may_go_on.set()
        source.chunks = 0
        async with asyncio.timeout(20):
            while not (await whole_answer(server)).endswith(LAST_CHUNK):  # noqa: ASYNC110 -- until all turns are free
                await asyncio.sleep(0.05)
        for _ in range(export_routes.MOST_AT_ONCE + 1):
            assert (await whole_answer(server)).endswith(LAST_CHUNK)


async def test_http_1_0_is_refused_and_told_why(server: Server, source: Source) -> None:
    answer = await whole_answer(server, HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b" 400" in answer
    assert b"HTTP/1.1" in answer.partition(b"\r\n\r\n")[2]
    assert source.given == 0


async def test_asking_for_the_head_reads_nothing(server: Server, source: Source) -> None:
    answer = await whole_answer(
        server, HEAD.replace(b"GET", b"HEAD").replace(b"Host: x", b"Host: x\r\nConnection: close")
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"application/x-ndjson" in answer
    assert source.given == 0

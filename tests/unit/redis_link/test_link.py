import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import Secret
from services.redis_link import RedisAway, RedisLink, Script, namespace_of
from services.redis_link import link as link_module
from services.redis_link.link import COMMAND_SECONDS, CONNECT_SECONDS
from tests.support.breaking import breaks_once
from tests.support.keys import CLOCK, link_to
from tests.support.valkey import ValkeyServer

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey that this test may stop."""
    own = ValkeyServer(tmp_path)
    own.start()
    yield own
    own.stop()


async def until(is_true: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110 -- the state has no event
            await asyncio.sleep(0.005)


async def test_commands_and_scripts_are_answered_with_text(valkey_url: str) -> None:
    async with link_to(valkey_url) as link:
        await link.do("SET", link.key("a", "b"), "wörter 👋")
        assert await link.do("GET", "dam:{test}:a:b") == "wörter 👋"
        assert await link.run(ADD, [link.key("n")], [5]) == 5
        assert await link.do("CLIENT", "GETNAME") == "discord-action-module"
        assert link.describe() == {"is_away": False}


async def test_scripts_survive_that_the_server_forgets_them(valkey_url: str) -> None:
    async with link_to(valkey_url) as link:
        assert await link.run(ADD, [link.key("n")], [1]) == 1
        await link.do("SCRIPT", "FLUSH")
        assert await link.run(ADD, [link.key("n")], [1]) == 2


async def test_it_starts_without_redis_and_finds_it_when_it_comes(server: ValkeyServer) -> None:
    server.stop()
    began = time.monotonic()
    async with link_to(server.url) as link:
        assert time.monotonic() - began < CONNECT_SECONDS + COMMAND_SECONDS + 3
        assert link.is_away
        assert str(server.port) in link.describe()["reason"]
        server.start()
        await until(lambda: not link.is_away)
        assert await link.do("ECHO", "hi") == "hi"


async def test_a_restart_between_two_commands_is_not_noticed(server: ValkeyServer) -> None:
    async with link_to(server.url) as link:
        assert await asyncio.gather(*(link.do("ECHO", "hi") for _ in range(20))) == ["hi"] * 20
        server.restart()
        for _ in range(25):
            assert await link.do("ECHO", "hi") == "hi"


async def test_nobody_waits_for_a_dead_server(server: ValkeyServer) -> None:
    async with link_to(server.url) as link:
        server.kill()
        with pytest.raises(RedisAway):
            await link.do("PING")
        began = time.monotonic()
        with socket.create_server(("127.0.0.1", server.port)):  # who asked it would wait COMMAND_SECONDS each time
            for _ in range(100):
                with pytest.raises(RedisAway) as refused:
                    await link.run(ADD, [link.key("n")], [1])
                assert not refused.value.was_sent
        assert time.monotonic() - began < 100 * COMMAND_SECONDS / 10
        server.start()
        await until(lambda: not link.is_away)
        assert await link.run(ADD, [link.key("n")], [1]) == 1


async def test_a_server_that_takes_but_does_not_answer_is_away_after_a_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = link_to(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        async with link:
            assert link.is_away
        assert time.monotonic() - began < CONNECT_SECONDS + COMMAND_SECONDS + 3


async def test_a_paused_server_holds_nobody_up_and_comes_back(server: ValkeyServer) -> None:
    async with link_to(server.url) as link, link_to(server.url) as other:
        await other.do("CLIENT", "PAUSE", 4000, "ALL")
        began = time.monotonic()
        with pytest.raises(RedisAway) as refused:
            await link.do("PING")
        assert refused.value.was_sent
        assert time.monotonic() - began < 3  # the pause takes longer
        await until(lambda: not link.is_away)


async def test_a_refusal_is_no_absence(valkey_url: str) -> None:
    async with link_to(valkey_url) as link:
        await link.do("CONFIG", "SET", "maxmemory", 1)
        try:
            with pytest.raises(RedisAway, match="memory"):
                await link.run(ADD, [link.key("n")], [1])
            assert not link.is_away
        finally:
            await link.do("CONFIG", "SET", "maxmemory", 0)
        assert await link.run(ADD, [link.key("n")], [1]) == 1


async def test_many_at_once_share_few_connections(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("COMMAND_SECONDS", "WHOLE_SECONDS"):
        monkeypatch.setattr(link_module, bound, 30.0)  # so many take their time
    async with link_to(valkey_url) as link:
        assert await asyncio.gather(*(link.do("ECHO", str(n)) for n in range(500))) == [str(n) for n in range(500)]
        clients = str(await link.do("CLIENT", "LIST"))
        assert clients.count("name=discord-action-module") <= 32


async def test_a_wrong_password_is_said_without_telling_it(server: ValkeyServer) -> None:
    async with link_to(server.url) as link:
        await link.do("CONFIG", "SET", "requirepass", "right-Pa55")
    async with link_to(server.url.replace("redis://", "redis://:wr0ng-secret@")) as link:
        assert link.is_away
        assert "wr0ng-secret" not in str(link.describe())
    async with link_to(server.url.replace("redis://", "redis://:right-Pa55@")) as link:
        assert await link.do("ECHO", "hi") == "hi"


def test_a_namespace_is_the_tokens_own_and_hides_it() -> None:
    one, other = namespace_of(Secret("token-a")), namespace_of(Secret("token-b"))
    assert one == namespace_of(Secret("token-a"))
    assert one != other
    assert len(one) == 16
    assert RedisLink(Secret("redis://localhost"), one, CLOCK).key("x") == f"dam:{{{one}}}:x"


async def test_it_finds_redis_again_though_its_watch_breaks(
    server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with link_to(server.url) as link:
        has_broken = breaks_once(monkeypatch, link, "_until_it_answers")
        server.stop()
        with pytest.raises(RedisAway):
            await link.do("PING")
        server.start()
        await until(lambda: not link.is_away)
        assert has_broken.is_set()

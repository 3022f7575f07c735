from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from config import Secret
from services.auth.attempts import TokenAttempts
from services.auth.windows import SharedWindows, Windows
from services.errors import RateLimited
from services.redis_link import RedisLink
from tests.fakes import ManualClock
from tests.support.valkey import ValkeyServer

type Open = Callable[[], Windows]


class RealNow(ManualClock):
    """Stands still; for what only Redis counts."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(params=["in_process", "redis"])
async def open_windows(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Opens the windows of one replica after the other; without Redis there is one."""
    clock = RealNow()
    async with AsyncExitStack() as stack:
        if request.param == "in_process":
            alone = Windows(clock)
            yield lambda: alone
            return
        url = Secret(request.getfixturevalue("valkey_url"))
        link = await stack.enter_async_context(RedisLink(url, "test", clock))
        yield lambda: SharedWindows(clock, link)


async def test_so_many_are_counted_by_all_replicas_together(open_windows: Open) -> None:
    one, other = open_windows(), open_windows()
    assert [await windows.take("a", 3) for windows in (one, other, one)] == [0, 0, 0]
    for windows in (one, other):
        assert 0 < await windows.take("a", 3) <= 60
    assert await other.take("b", 3) == 0


async def test_what_is_charged_takes_room(open_windows: Open) -> None:
    one, other = open_windows(), open_windows()
    await one.charge("a", 5)
    assert await other.take("a", 5) > 0
    assert await other.take("a", 6, 10) == 0
    assert await one.take("a", 15) > 0


async def test_a_minute_later_the_count_begins_anew() -> None:
    clock = ManualClock()
    windows = Windows(clock)
    await windows.take("a", 1)
    clock.advance(20)
    assert await windows.take("a", 1) == 40
    clock.advance(40)
    assert await windows.take("a", 1) == 0
    assert await windows.take("a", 1) == 60


async def test_memory_is_bounded() -> None:
    windows = Windows(ManualClock(), most_names=10)
    for number in range(1000):
        assert await windows.take(f"name-{number}", 1) == 0
    assert len(windows) == 10
    assert await windows.take("name-999", 1) > 0


async def test_a_replica_counts_on_by_itself_while_redis_is_away(valkey_server: ValkeyServer) -> None:
    clock = ManualClock()
    valkey_server.empty()
    async with RedisLink(Secret(valkey_server.url), "test", clock) as link:
        windows = SharedWindows(clock, link)
        assert await windows.take("a", 2) == 0
        valkey_server.stop()
        try:
            assert await windows.take("a", 2) == 0
            assert await windows.take("a", 2) == 60
        finally:
            valkey_server.start()


@pytest.mark.parametrize(
    ("tried", "is_shared"),
    [
        (("shop", "192.0.2.1", "shop", "192.0.2.2"), True),
        (("shop", "192.0.2.1", "other", "192.0.2.1"), True),
        (("shop", "2001:db8::1", "other", "2001:db8::ffff:1"), True),
        (("shop", "2001:db8::1", "other", "2001:db8:0:1::1"), False),
        (("shop", "192.0.2.1", "other", "192.0.2.2"), False),
        (("shop", "unknown", "other", "unknown"), True),
    ],
)
async def test_failures_count_for_the_address_and_for_the_client(
    tried: tuple[str, str, str, str], is_shared: bool
) -> None:
    attempts = TokenAttempts(Windows(ManualClock()))
    client, address, next_client, next_address = tried
    for _ in range(10):
        await attempts.admit(client, address)
        await attempts.failed(client, address)
    if not is_shared:
        await attempts.admit(next_client, next_address)
        return
    with pytest.raises(RateLimited, match="Too many attempts") as refused:
        await attempts.admit(next_client, next_address)
    assert refused.value.retry_after_seconds == 60


async def test_the_addresses_of_clients_are_bounded() -> None:
    attempts = TokenAttempts(Windows(ManualClock()), most_known=5)
    for number in range(100):
        attempts.succeeded("shop", f"192.0.2.{number}")
    assert len(attempts._known) == 5

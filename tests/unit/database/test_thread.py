import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from services.budget import Budget
from services.database import (
    Address,
    DatabaseThread,
    DatabaseUnavailable,
    Session,
    Urgency,
    ValuesRefused,
)
from tests.support.postgres import PostgresServer

STATEMENT_SECONDS = 1.0


@pytest.fixture
async def thread(database_url: str) -> AsyncIterator[DatabaseThread]:
    session = Session(Address.parse(database_url), "test", statement_seconds=STATEMENT_SECONDS)
    owner = DatabaseThread(session, "test", most_waiting=3)
    yield owner
    await owner.close()


@pytest.fixture
async def postgres_thread(postgres_url: str) -> AsyncIterator[DatabaseThread]:
    session = Session(Address.parse(postgres_url), "test", statement_seconds=STATEMENT_SECONDS)
    owner = DatabaseThread(session, "test")
    yield owner
    await owner.close()


def make_table(session: Session) -> None:
    session.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")


def insert(session: Session, *numbers: int) -> None:
    for number in numbers:
        session.execute("INSERT INTO numbers (n) VALUES (%s)", (number,))


def count(session: Session) -> int:
    return int(session.rows("SELECT count(*) FROM numbers")[0][0])


def backend(session: Session) -> int:
    return int(session.rows("SELECT pg_backend_pid()")[0][0])


async def test_work_is_committed_as_a_whole(thread: DatabaseThread) -> None:
    await thread.run(make_table, 5)
    await thread.run(lambda session: insert(session, 1, 2), 5)
    with pytest.raises(ValuesRefused):
        await thread.run(lambda session: insert(session, 3, 1), 5)
    assert await thread.run(count, 5) == 2


async def test_an_error_of_the_works_own_comes_through_and_undoes_the_work(thread: DatabaseThread) -> None:
    await thread.run(make_table, 5)

    def fail(session: Session) -> None:
        insert(session, 1)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await thread.run(fail, 5)
    assert await thread.run(count, 5) == 0


async def test_a_reason_quotes_no_values(thread: DatabaseThread) -> None:
    await thread.run(make_table, 5)
    await thread.run(lambda session: insert(session, 424242), 5)
    with pytest.raises(ValuesRefused) as refused:
        await thread.run(lambda session: insert(session, 424242), 5)
    assert "424242" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_all_work_runs_on_one_thread_that_is_not_the_loops(thread: DatabaseThread) -> None:
    idents = {await thread.run(lambda _: threading.get_ident(), 5) for _ in range(3)}
    assert len(idents) == 1
    assert threading.get_ident() not in idents


async def test_urgent_work_goes_first_and_does_not_stand_in_the_queue_of_other_work(thread: DatabaseThread) -> None:
    may_go_on, done = threading.Event(), list[str]()
    blocking = asyncio.create_task(thread.run(lambda _: may_go_on.wait(5), 5))
    await asyncio.sleep(0.05)
    usual = [asyncio.create_task(thread.run(lambda _: done.append("usual"), 5)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable):
        await thread.run(count, 5)
    urgent = [
        asyncio.create_task(thread.run(lambda _, name=urgency.name: done.append(name), 5, urgency))  # type: ignore[misc]
        for urgency in (Urgency.LETTING_IN, Urgency.OWN)
    ]
    await asyncio.sleep(0)
    may_go_on.set()
    await asyncio.gather(blocking, *usual, *urgent)
    assert done == ["OWN", "LETTING_IN", "usual", "usual", "usual"]


async def test_a_full_queue_refuses(thread: DatabaseThread) -> None:
    release = threading.Event()
    waiting = [asyncio.create_task(thread.run(lambda _: release.wait(5), 5)) for _ in range(4)]
    await asyncio.sleep(0.05)
    waiting[3:] = [asyncio.create_task(thread.run(lambda _: True, 5)) for _ in range(3)]
    results = asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0.05)
    release.set()
    assert [type(result) for result in await results if result is not True] == [DatabaseUnavailable] * 2


async def test_work_that_was_given_up_before_it_began_never_runs(thread: DatabaseThread) -> None:
    release, ran = threading.Event(), threading.Event()
    first = asyncio.create_task(thread.run(lambda _: release.wait(5), 5))
    await asyncio.sleep(0.02)
    with pytest.raises(DatabaseUnavailable, match="did not answer"):
        await thread.run(lambda _: ran.set(), 0.05)
    cancelled = asyncio.create_task(thread.run(lambda _: ran.set(), 5))
    await asyncio.sleep(0.02)
    cancelled.cancel()
    await asyncio.wait((cancelled,))
    release.set()
    assert await first
    assert await thread.run(lambda _: ran.is_set(), 5) is False


async def test_closing_refuses_what_waits_and_what_comes(thread: DatabaseThread) -> None:
    first = asyncio.create_task(thread.run(lambda _: time.sleep(0.1), 5))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(thread.run(lambda _: True, 5))
    await asyncio.sleep(0)
    await thread.close()
    await first
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await second
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await thread.run(lambda _: True, 5)


async def test_a_statement_that_takes_too_long_is_stopped(thread: DatabaseThread) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        await thread.run(lambda session: session.rows(endless), 10)
    assert STATEMENT_SECONDS * 0.8 < time.monotonic() - started < STATEMENT_SECONDS + 8
    assert await thread.run(lambda session: session.rows("SELECT 1"), 5) == [(1,)]


async def test_a_cancelled_statement_keeps_the_connection(postgres_thread: DatabaseThread) -> None:
    before = await postgres_thread.run(backend, 5)
    with pytest.raises(DatabaseUnavailable, match="QueryCanceled"):
        await postgres_thread.run(lambda session: session.rows("SELECT pg_sleep(5)"), 5)
    assert await postgres_thread.run(backend, 5) == before


async def test_a_connection_that_was_cut_is_replaced_unnoticed(
    postgres_server: PostgresServer, postgres_thread: DatabaseThread
) -> None:
    before = await postgres_thread.run(backend, 5)
    postgres_server.execute(f"SELECT pg_terminate_backend({before})")
    assert await postgres_thread.run(backend, 5) != before


async def test_a_server_that_was_restarted_is_found_again(
    postgres_server: PostgresServer, postgres_thread: DatabaseThread
) -> None:
    await postgres_thread.run(make_table, 5)
    postgres_server.stop()
    try:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await postgres_thread.run(count, 5)
    finally:
        postgres_server.start()
    assert await postgres_thread.run(count, 5) == 0


async def test_a_server_that_hangs_is_left(postgres_server: PostgresServer, postgres_thread: DatabaseThread) -> None:
    await postgres_thread.run(make_table, 5)
    postgres_server.pause()
    try:
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match="did not answer"):
            await postgres_thread.run(count, 0.2)
        assert time.monotonic() - started < 5
    finally:
        postgres_server.resume()
    assert await postgres_thread.run(count, 5) == 0


async def test_closing_is_bounded_while_the_server_hangs(postgres_server: PostgresServer, postgres_url: str) -> None:
    owner = DatabaseThread(Session(Address.parse(postgres_url), "test", statement_seconds=5), "test")
    await owner.run(make_table, 5)
    postgres_server.pause()
    try:
        stuck = asyncio.create_task(owner.run(count, 30))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await owner.close(Budget.of(0.2))
        assert time.monotonic() - started < 5
        with pytest.raises(DatabaseUnavailable):
            await stuck
    finally:
        postgres_server.resume()


async def test_between_uses_no_transaction_stays_open(
    postgres_server: PostgresServer, postgres_thread: DatabaseThread
) -> None:
    pid = await postgres_thread.run(backend, 5)
    other = Session(Address.parse(postgres_server.url()), "other", statement_seconds=5)
    states = other.perform(lambda session: session.rows("SELECT state FROM pg_stat_activity WHERE pid = %s", (pid,)))
    other.close()
    assert states == [("idle",)]


async def test_the_session_is_in_utc_with_its_name_and_limit(postgres_thread: DatabaseThread) -> None:
    settings = [
        await postgres_thread.run(lambda session, name=name: session.rows(f"SHOW {name}")[0][0], 5)  # type: ignore[misc]
        for name in ("timezone", "application_name", "statement_timeout")
    ]
    assert settings == ["UTC", "test", "1s"]


async def test_a_read_only_session_changes_nothing(database_url: str) -> None:
    session = Session(Address.parse(database_url), "reader", statement_seconds=2, is_read_only=True)
    owner = DatabaseThread(session, "reader")
    with pytest.raises(DatabaseUnavailable, match=r"(?i)read-?only"):
        await owner.run(make_table, 5)
    await owner.close()


async def test_sqlite_keeps_a_write_ahead_log(sqlite_url: str) -> None:
    owner = DatabaseThread(Session(Address.parse(sqlite_url), "test", statement_seconds=1), "test")
    assert await owner.run(lambda session: session.rows("PRAGMA journal_mode"), 5) == [("wal",)]
    await owner.close()

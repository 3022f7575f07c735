"""Fixtures that every kind of test shares: real servers, one each for the run, and a fresh database for each test."""

import signal
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sandbox import Options, Sandbox
from tests.support.last_words import forget_the_ended, last_words
from tests.support.module import RunningModule, running_module
from tests.support.postgres import PostgresServer
from tests.support.valkey import ValkeyServer


def pytest_configure(config: pytest.Config) -> None:
    """The same every time, on any machine: what is searched for, and what a process inherits."""
    # A case may take as long as the machine lets it. `--hypothesis-profile default` looks for cases never tried before.
    settings.register_profile(
        "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
    )
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("steady")
    # A shell starts what runs in its background deaf to SIGINT, and what tests start would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_logstart() -> None:
    forget_the_ended()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the programs of a failed test said last stands in its report."""
    report = yield
    if report.failed:
        report.sections += last_words()
    return report


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A running PostgreSQL. A test that stops it starts it again."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    url = postgres_server.take_database()
    yield url
    postgres_server.return_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'actions.db'}"


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, once of each kind."""
    return str(request.getfixturevalue("postgres_url" if request.param == "postgresql" else "sqlite_url"))


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A running Valkey. A test that stops it starts it again."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey_url(valkey_server: ValkeyServer) -> str:
    """The URL of a Valkey without keys."""
    valkey_server.empty()
    return valkey_server.url


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox as it starts, without limits: tests of limits have one of their own."""
    async with Sandbox.serving(Options(limits_enabled=False)) as served:
        yield served


@pytest.fixture
async def module(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[RunningModule]:
    """The whole module in this process, in front of `sandbox`."""
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db") as running:
        yield running

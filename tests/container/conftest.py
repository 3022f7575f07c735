"""The engine, a network, the sandbox in a container; and modules in containers of their own, as tests ask for them."""

import fcntl
import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from tests.container import PREPARED
from tests.container.callers import Callers
from tests.container.container import HARDENED, Container
from tests.container.engine import WORKSHOP, Engine, find
from tests.container.workshop import MODULE, SANDBOX
from tests.support.module import KEY

StartModule = Callable[..., Container]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine, for this run alone."""
    if os.environ.get(PREPARED) != "1":
        pytest.skip("`python -m tests.container` makes the images and runs these")
    with (WORKSHOP / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engine = find()
        if engine.is_podman:
            sweep(engine)
        yield engine


def sweep(engine: Engine) -> None:
    """Removes what a run that was killed left behind; the store is ours alone."""
    for leftovers in ("pod rm", "rm"):
        engine.has(*leftovers.split(), "--force", "--all")
    for leftovers in ("secret rm --all", "volume prune --force", "network prune --force"):
        engine.has(*leftovers.split())


@pytest.fixture(scope="session")
def prefix() -> str:
    """What the names of this run begin with."""
    return f"dam-{uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def network(engine: Engine, prefix: str) -> Iterator[str]:
    """A network whose containers know each other by name."""
    engine("network", "create", prefix)
    yield prefix
    engine("network", "rm", prefix)


@pytest.fixture(scope="session")
def sandbox(engine: Engine, network: str, prefix: str) -> Iterator[Container]:
    """The sandbox, named `sandbox`, as hardened as the module."""
    options = ("--network", network, "--network-alias", "sandbox", "-p", "127.0.0.1::8075", *HARDENED)
    container = Container.start(engine, f"{prefix}-sandbox", SANDBOX, *options)
    yield container.becomes_healthy()
    container.remove()


@pytest.fixture
def start_module(engine: Engine, network: str, prefix: str) -> Iterator[StartModule]:
    """Starts modules, each with a database of its own beside its journal; options are the engine's."""
    started: list[Container] = []

    def start(*options: str, **variables: str) -> Container:
        environment = {
            "DISCORD_BOT_TOKEN": "sandbox-bot-token",
            "DISCORD_API_BASE": "http://sandbox:8075/api/v10",
            "DISCORD_API_ALLOW_HTTP": "true",
            "MODULE_SECRET_KEY": KEY,
            "DATABASE_URL": "sqlite:////var/log/waddlebotlog/actions.db",
        } | variables
        given = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        ports = ("-p", "127.0.0.1::8070", "-p", "127.0.0.1::50051")
        name = f"{prefix}-module-{len(started)}-{uuid4().hex[:4]}"
        container = Container.start(engine, name, MODULE, "--network", network, *HARDENED, *ports, *given, *options)
        started.append(container)
        return container

    yield start
    for each in started:
        each.remove()


@pytest.fixture
def module(start_module: StartModule, sandbox: Container) -> Container:
    """A module that is ready."""
    return start_module().becomes_healthy()


@pytest.fixture
def callers(module: Container) -> Callers:
    """Callers of it."""
    return Callers(module.published(8070), module.published(50051))

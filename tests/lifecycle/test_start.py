"""What keeps the real process from starting, and a stop that comes before it serves."""

import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from sandbox import Options, Sandbox
from tests.support.module import environment
from tests.support.process import program

PROMPT_SECONDS = 8.0


@pytest.fixture
async def variables(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    async with Sandbox.serving(Options(limits_enabled=False)) as sandbox:
        yield environment(sandbox, f"sqlite:///{tmp_path / 'actions.db'}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_while_the_database_is_away_is_an_orderly_one(
    variables: dict[str, str], number: signal.Signals
) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://u:p@127.0.0.1:{taken.getsockname()[1]}/actions"
        async with program(variables | {"DATABASE_URL": url}) as started:
            await started.says("waiting for the database")
            began = time.monotonic()
            started.signal(number)
            assert await started.ends() == 0
            assert time.monotonic() - began < PROMPT_SECONDS
    assert started.said("stopped before it served")
    assert started.errors == []


async def test_a_database_that_does_not_answer_does_not_hold_up_a_stop_for_long(variables: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/actions"
        async with program(variables | {"DATABASE_URL": url}) as started:
            silent.settimeout(PROMPT_SECONDS * 3)
            connection, _ = silent.accept()
            began = time.monotonic()
            started.signal(signal.SIGTERM)
            assert await started.ends() == 0
            assert time.monotonic() - began < PROMPT_SECONDS * 2 + 2
            connection.close()


async def test_a_folder_that_cannot_be_made_is_named_at_once(variables: dict[str, str]) -> None:
    began = time.monotonic()
    async with program(variables | {"DATABASE_URL": "sqlite:////proc/x/y.db"}) as started:
        line = await started.says("cannot start")
        assert await started.ends() == 1
    assert "the folder /proc/x of DATABASE_URL cannot be made" in str(line["reason"])
    assert time.monotonic() - began < PROMPT_SECONDS * 3
    assert started.errors == []


async def test_a_certificate_that_cannot_be_used_is_named(variables: dict[str, str], tmp_path: Path) -> None:
    leaf = trustme.CA().issue_cert("localhost")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "ca.pem").write_text("no PEM")
    files = {
        "TLS_CERT_FILE": str(tmp_path / "cert.pem"),
        "TLS_KEY_FILE": str(tmp_path / "key.pem"),
        "TLS_CLIENT_CA_FILE": str(tmp_path / "ca.pem"),
    }
    async with program(variables | files) as started:
        line = await started.says("cannot start")
        assert await started.ends() == 1
    assert "TLS_CLIENT_CA_FILE holds no certificate in PEM" in str(line["reason"])
    assert started.errors == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"MAX_WAIT": "10"}, "REQUEST_TIMEOUT: must not be more than MAX_WAIT"),
        ({"GRPC_PORT": "8070", "REST_PORT": ""}, "REST_PORT: must differ from GRPC_PORT"),
        ({"REDIS_URL": "redis://h:notaport/0"}, "REDIS_URL: is not a URL"),
        ({"JOURNAL_DIR": "~nosuchuser/x"}, "JOURNAL_DIR: names a home folder that is not known"),
    ],
)
async def test_a_configuration_that_contradicts_itself_exits_with_2(
    variables: dict[str, str], changes: dict[str, str], told: str
) -> None:
    async with program(variables | changes) as started:
        assert await started.ends() == 2
    assert len(started.errors) == 1
    assert started.errors[0].startswith(told)

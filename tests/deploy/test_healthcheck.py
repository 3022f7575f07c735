"""The image's health check, run as the image runs it, against the module as it serves."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from config import ROOT
from sandbox import Sandbox
from tests.support.module import running_module
from tests.support.programs import free_port

SCRIPT = ROOT / "deploy" / "healthcheck.py"
PATIENCE_SECONDS = 40


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.serving() as served:
        yield served


async def check(*arguments: str, **environment: str) -> tuple[int | None, str]:
    """The exit code, and what was said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(SCRIPT), *arguments, env=environment, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_a_module_that_serves_is_well(sandbox: Sandbox, sqlite_url: str) -> None:
    async with running_module(sandbox, sqlite_url) as module:
        code, said = await check(REST_PORT=str(module.rest_port))
        assert (code, said) == (0, f"http://127.0.0.1:{module.rest_port}/health/ready: 200\n")


async def test_a_module_that_stops_is_not(sandbox: Sandbox, sqlite_url: str) -> None:
    async with running_module(sandbox, sqlite_url) as module:
        module.house.health.is_serving = False
        code, said = await check(REST_PORT=str(module.rest_port), HOST="127.0.0.1")
        assert (code, said.split()[-1]) == (1, "503")


async def test_it_asks_over_tls_where_the_module_speaks_it(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("discord-action")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    files = {"TLS_CERT_FILE": str(tmp_path / "cert.pem"), "TLS_KEY_FILE": str(tmp_path / "key.pem")}
    async with running_module(sandbox, sqlite_url, **files) as module:
        code, said = await check(REST_PORT=str(module.rest_port), **files)
        assert (code, said) == (0, f"https://127.0.0.1:{module.rest_port}/health/ready: 200\n")


async def test_nobody_there_is_not_well() -> None:
    code, said = await check(REST_PORT=str(free_port()))
    assert code == 1
    assert "refused" in said


async def test_it_asks_another_address_when_told(sandbox: Sandbox) -> None:
    assert await check(f"{sandbox.origin}/_sandbox/stats") == (0, f"{sandbox.origin}/_sandbox/stats: 200\n")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("", "http://127.0.0.1:1"),
        ("::1", "http://[::1]:1"),
    ],
)
async def test_it_asks_where_the_module_listens(host: str, url: str) -> None:
    _, said = await check(HOST=host, REST_PORT="1")
    assert said.startswith(f"{url}/health/ready: ")

"""Prometheus itself, where Debian's package (or any other) put it, on the configuration an operator is given.

Of that configuration two things change: targets are the ports of the test, because the name that compose gives the
replicas is known in compose's network alone (there tests/container looks it up), and a scrape comes every second.
REQUIRE_PROMETHEUS=1 makes its absence a failure.
"""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from config import ROOT
from tests.support.programs import free_port

OBSERVE = ROOT / "deploy" / "observe"
SCRAPE_SECONDS = 1
PATIENCE_SECONDS = 20.0
STOP_SECONDS = 10.0


def prometheus_program(name: str) -> str:
    """`prometheus` or `promtool`. Without it the test is skipped, or fails where Prometheus is required."""
    program = shutil.which(name)
    if program is None:
        told = f"NOT PROVEN: {name} is not here (Debian: apt install prometheus)"
        if os.environ.get("REQUIRE_PROMETHEUS") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return program


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    url: str
    session: aiohttp.ClientSession

    async def ask(self, path: str, **parameters: str) -> Any:
        """What the API answers under `data`. Raises AssertionError with its own words."""
        async with self.session.get(f"{self.url}/api/v1/{path}", params=parameters) as answer:
            said = await answer.json()
        assert said["status"] == "success", f"{path} {parameters}: {said}"
        assert not said.get("warnings"), f"{path} {parameters}: {said['warnings']}"
        return said["data"]

    async def values(self, expression: str) -> list[float]:
        """What an expression gives now, one value for each series. Raises AssertionError."""
        return [float(each["value"][1]) for each in (await self.ask("query", query=expression))["result"]]

    async def rules(self) -> list[dict[str, Any]]:
        return [rule for group in (await self.ask("rules"))["groups"] for rule in group["rules"]]

    async def targets(self) -> list[dict[str, Any]]:
        return list((await self.ask("targets"))["activeTargets"])


async def until(claim: Callable[[], Awaitable[bool]], told: Callable[[], Awaitable[object]]) -> None:
    """Waits until the claim is true. Raises AssertionError with what `told` gives."""
    gives_up = time.monotonic() + PATIENCE_SECONDS
    while not await claim():
        assert time.monotonic() < gives_up, await told()
        await asyncio.sleep(0.2)


@asynccontextmanager
async def running_prometheus(folder: Path, options: Sequence[str], targets: Sequence[str]) -> AsyncIterator[Prometheus]:
    """The server on our files, with `options` of its command line, reading `targets`: `host:port` each."""
    program, port = prometheus_program("prometheus"), free_port()
    command = [*options, f"--config.file={_configuration(folder, targets)}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            program, *command, f"--web.listen-address=127.0.0.1:{port}", stdout=said, stderr=said
        )
    try:
        async with aiohttp.ClientSession() as session:
            await _wait_until_ready(process, f"http://127.0.0.1:{port}", session, folder)
            yield Prometheus(f"http://127.0.0.1:{port}", session)
    finally:
        await _end(process)


def _configuration(folder: Path, targets: Sequence[str]) -> Path:
    configuration = yaml.safe_load((OBSERVE / "prometheus.yml").read_text())
    configuration["global"] = dict.fromkeys(configuration["global"], f"{SCRAPE_SECONDS}s")
    for job in configuration["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": list(targets)}]
    for name in configuration["rule_files"]:
        shutil.copy(OBSERVE / name, folder)
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(configuration))
    return path


async def _wait_until_ready(
    process: asyncio.subprocess.Process, url: str, session: aiohttp.ClientSession, folder: Path
) -> None:
    gives_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < gives_up and process.returncode is None:
        try:
            async with session.get(f"{url}/-/ready") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError(f"Prometheus is not ready:\n{(folder / 'prometheus.log').read_text()[-4000:]}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

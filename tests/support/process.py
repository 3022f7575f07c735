"""The real program as a process of its own."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson

from config import ROOT
from tests.support.command import WHERE_ARE_YOU
from tests.support.last_words import listen_to

COMMAND = ROOT / "tests/support/command.py"
START_SECONDS = 45.0
STOP_SECONDS = 30.0
LAST_LINES = 40
TELLS_WITHIN_SECONDS = 1.0


@dataclass(slots=True)
class Program:
    """`python app.py`, its log and its ports."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, object]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    grpc_port: int = 0
    rest_port: int = 0

    @property
    def name(self) -> str:
        ended = "which runs" if self.is_running else f"which ended with {self.process.returncode}"
        return f"the program {self.process.pid}, {ended}"

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    def last_words(self) -> str:
        log = [orjson.dumps(line).decode() for line in self.lines[-LAST_LINES:]]
        return "\n".join([*log, "── and on stderr:", *self.errors])

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.rest_port}"

    @property
    def grpc_target(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ends(self) -> int:
        """The exit code, within a bound."""
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()

    def said(self, message: str) -> dict[str, object] | None:
        return next((line for line in self.lines if line.get("message") == message), None)

    async def says(self, message: str) -> dict[str, object]:
        """Waits for a line of the log."""
        gives_up = time.monotonic() + START_SECONDS
        while time.monotonic() < gives_up and self.process.returncode is None:
            if line := self.said(message):
                return line
            await asyncio.sleep(0.01)
        raise AssertionError(f"no line `{message}`; the log: {self.lines[-5:]}, {self.errors[-20:]}")

    async def tells_where_it_stands(self) -> None:
        """Lets a program that a failed test leaves behind write on stderr what each of its threads is at."""
        self.signal(WHERE_ARE_YOU)
        await asyncio.sleep(TELLS_WITHIN_SECONDS)


@asynccontextmanager
async def program(environment: Mapping[str, str], *arguments: str, script: Path = COMMAND) -> AsyncIterator[Program]:
    """Starts the program with exactly this environment, and makes sure that it is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        *arguments,
        env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", **environment},
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    started = Program(process)
    listen_to(started)
    readers = [asyncio.create_task(_read_log(started)), asyncio.create_task(_read_errors(started))]
    try:
        yield started
    except Exception:
        if started.is_running:
            await started.tells_where_it_stands()
        raise
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.gather(*readers)


@asynccontextmanager
async def serving_program(environment: Mapping[str, str], script: Path = COMMAND) -> AsyncIterator[Program]:
    """The program, or another script that runs it, once it says that it serves."""
    async with program(environment, script=script) as started:
        line = await started.says("serving")
        started.grpc_port, started.rest_port = int(str(line["grpc_port"])), int(str(line["rest_port"]))
        yield started


async def _read_log(started: Program) -> None:
    assert started.process.stdout is not None
    async for line in started.process.stdout:
        started.lines.append(orjson.loads(line) if line.startswith(b"{") else {"message": line.decode().rstrip()})


async def _read_errors(started: Program) -> None:
    assert started.process.stderr is not None
    async for line in started.process.stderr:
        started.errors.append(line.decode().rstrip())


async def status_of(url: str) -> int:
    """The status of a GET, 0 when nobody listens."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status
    except aiohttp.ClientError:
        return 0

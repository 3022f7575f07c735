"""Commands as the documents show them, run against a module on other ports."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.module import RunningModule, token

PATIENCE_SECONDS = 40


def code_blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def program_or_skip(name: str) -> str:
    """A program of this machine, by name."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here")
    return found


def placed(text: str, module: RunningModule) -> str:
    """The text with the addresses of a running module."""
    return text.replace("localhost:8070", f"127.0.0.1:{module.rest_port}").replace(
        "localhost:50051", module.grpc_target
    )


async def run_shell(command: str, module: RunningModule, program: Path | None = None) -> str:
    """What a shell command prints; `program` is found by its name. A command that fails fails the test."""
    folders = [str(program.parent)] if program else []
    environment = os.environ | {"TOKEN": token(), "PATH": os.pathsep.join([*folders, os.environ["PATH"]])}
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-euc",
        placed(command, module),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        printed, errors = await process.communicate()
    assert process.returncode == 0, f"{command}: {errors.decode()}{printed.decode()}"
    return printed.decode()

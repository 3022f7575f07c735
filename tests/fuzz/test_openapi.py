"""Schemathesis on /openapi.json: every check of it, every operation, requests meant to pass and meant to fail."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import pytest

from config import ROOT
from tests.fuzz.program import fuzzed_program
from tests.support.module import token

HERE: Final = Path(__file__).parent
COMMAND: Final = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"


async def _schemathesis(folder: Path, url: str, *, examples: int, seed: int) -> tuple[int, str]:
    """Its exit code and its report."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", COMMAND, "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{url}/openapi.json", "--checks", "all", "--no-color", "--suppress-health-check", "all"),
        *("--max-examples", str(examples), "--seed", str(seed), "--header", f"Authorization: Bearer {token()}"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report, _ = await process.communicate()
    return process.returncode or 0, report.decode(errors="replace")


async def _check(folder: Path, *, examples: int, seed: int) -> None:
    async with fuzzed_program(folder) as started:
        code, report = await _schemathesis(folder, started.rest_url, examples=examples, seed=seed)
        assert code == 0, report
        assert "Test cases:" in report, report


@pytest.mark.timeout(400)
async def test_the_document_is_kept(tmp_path: Path) -> None:
    await _check(tmp_path, examples=10, seed=1)


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_the_document_is_kept_for_long(tmp_path: Path) -> None:
    await _check(tmp_path, examples=1000, seed=2)

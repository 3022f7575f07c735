"""The operator's smoke test, run as a program against a running module and the sandbox."""

import asyncio
import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from config import ROOT
from sandbox import Sandbox
from tests.support.module import KEY, RunningModule, running_module
from tests.support.programs import free_port

SCRIPT = ROOT / "test_api.py"
OLD_VERSIONS = ("3.9", "3.10", "3.11", "3.12")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of the script ended."""

    code: int
    text: str

    def lines(self, verdict: str) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith(verdict)]


async def run_script(*arguments: str, python: str = sys.executable, script: Path = SCRIPT, **variables: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        python,
        str(script),
        *arguments,
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 40)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return Ran(process.returncode or 0, said.decode())


def addresses(module: RunningModule) -> tuple[str, ...]:
    return ("--base-url", module.rest_url, "--grpc", module.grpc_target)


def bare_copy(folder: Path) -> Path:
    """The script where no `.venv` stands beside it."""
    shutil.copytree(ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return Path(shutil.copy(SCRIPT, folder))


async def old_python() -> str:
    """The oldest Python of this machine that works and lacks grpcio; the test is skipped where there is none."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    kept = [str(path) for version in OLD_VERSIONS for path in versions.glob(f"{version}.*/bin/python3")]
    for name in (*kept, *(f"python{version}" for version in OLD_VERSIONS), "/usr/bin/python3"):
        found = shutil.which(name)
        if found is None:
            continue
        probe = await asyncio.create_subprocess_exec(
            found,
            "-c",
            "import sys, importlib.util as u; sys.exit(sys.version_info < (3, 9) or u.find_spec('grpc') is not None)",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await probe.wait() == 0:
            return found
    pytest.skip("there is no other Python on this machine")


async def test_everything_but_moderation_passes_over_both_protocols_and_leaves_no_message(
    module: RunningModule, sandbox: Sandbox
) -> None:
    before = set(sandbox.world.channels["123"].messages)
    ran = await run_script(*addresses(module), "--secret-key", KEY)
    assert (ran.code, ran.lines("FAIL")) == (0, []), ran.text
    assert len(ran.lines("SKIP")) == 3
    assert [re.split(r"\s{2,}", line)[2] for line in ran.lines("SKIP")] == ["timeout", "kick", "ban"]
    assert {face for line in ran.lines("ok") for face in ("rest", "grpc") if f" {face} " in line} == {"rest", "grpc"}
    left = [sandbox.world.channels["123"].messages[id_] for id_ in set(sandbox.world.channels["123"].messages) - before]
    assert all(message.webhook_id for message in left)
    assert "42" in sandbox.world.guilds["1"].members


async def test_moderation_needs_a_word(module: RunningModule, sandbox: Sandbox) -> None:
    named = await run_script(*addresses(module), "--secret-key", KEY, "--test", "timeout", "--test", "kick")
    assert (named.code, len(named.lines("ok"))) == (0, 4), named.text
    assert "42" not in sandbox.world.guilds["1"].members
    assert "discord_unknown_member" in named.lines("ok")[-1]
    banned = await run_script(*addresses(module), "--secret-key", KEY, "--test", "ban")
    assert banned.code == 0, banned.text
    assert "42" in sandbox.world.guilds["1"].bans


async def test_a_refusal_says_what_to_mend(module: RunningModule) -> None:
    ran = await run_script(*addresses(module), "--test", "message", "--channel-id", "999", MODULE_SECRET_KEY=KEY)
    assert ran.code == 1
    assert len(ran.lines("FAIL")) == 2
    assert "404 discord_unknown_channel" in ran.text
    assert "Is the id right" in ran.text


async def test_a_wrong_key_is_named(module: RunningModule) -> None:
    ran = await run_script(*addresses(module), "--secret-key", "not-the-key" * 8, "--test", "embed")
    assert ran.code == 1
    assert ran.text.count("--secret-key must be") == 2


async def test_a_module_that_looks_at_more_than_the_key_is_satisfied(sandbox: Sandbox, tmp_path: Path) -> None:
    looks_at = {"JWT_AUDIENCE": "door", "JWT_ISSUER": "platform", "JWT_ALGORITHM": "HS512"}
    options = ("--audience", "door", "--issuer", "platform", "--algorithm", "HS512")
    async with running_module(sandbox, f"sqlite:///{tmp_path}/actions.db", **looks_at) as module:
        told = partial(run_script, JWT_AUDIENCE="door", JWT_ISSUER="platform", JWT_ALGORITHM="HS512")
        asked = (*addresses(module), "--secret-key", KEY, "--test", "message")
        by_option, by_variable = await run_script(*asked, *options), await told(*asked)
        assert (by_option.code, by_variable.code) == (0, 0), by_option.text + by_variable.text
        without = await run_script(*asked)
        assert (without.code, "--audience" in without.text) == (1, True), without.text


async def test_nobody_there_is_said_once_for_each_protocol() -> None:
    base_url, target = f"http://127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    ran = await run_script("--base-url", base_url, "--grpc", target, "--secret-key", KEY)
    assert ran.code == 1
    assert len(ran.lines("FAIL")) == 2
    assert ran.text.count("Is the instance running there?") == 2


async def test_a_missing_key_is_a_bad_command_line_but_health_needs_none(module: RunningModule) -> None:
    assert (await run_script(*addresses(module), "--test", "role")).code == 2
    health = await run_script(*addresses(module), "--test", "health")
    assert health.code == 0, health.text
    assert [line for line in health.lines("SKIP") if "needs --secret-key" in line]


async def test_an_old_bare_python_tests_rest_and_says_that_grpc_was_not(module: RunningModule, tmp_path: Path) -> None:
    python, script = await old_python(), bare_copy(tmp_path)
    arguments = (*addresses(module), "--secret-key", KEY, "--test", "health", "--test", "message")
    ran = await run_script(*arguments, python=python, script=script)
    assert ran.code == 0, ran.text
    assert len(ran.lines("ok")) == 7, ran.text
    assert "NOT TESTED" in ran.text
    asked = await run_script(*arguments, "--protocol", "both", python=python, script=script)
    assert asked.code == 1
    rest = await run_script(*arguments, "--protocol", "rest", python=python, script=script)
    assert (rest.code, rest.lines("SKIP")) == (0, [])


@pytest.mark.skipif(not (ROOT / ".venv" / "bin" / "python").exists(), reason="there is no .venv beside the script")
async def test_a_bare_python_goes_on_in_the_module_s_own(module: RunningModule) -> None:
    ran = await run_script(
        *addresses(module), "--secret-key", KEY, "--test", "health", "--protocol", "grpc", python=await old_python()
    )
    assert ran.code == 0, ran.text
    assert len(ran.lines("ok")) == 3

"""Every block of code in docs/ runs as it stands there."""

import re
import sys
from pathlib import Path

import pytest

from config import ROOT
from sandbox import Sandbox
from tests.examples.commands import placed, program_or_skip, run_shell
from tests.support.module import RunningModule

NAMES = ("architecture.md", "limits.md", "delivery.md", "migration.md")
BLOCKS = [
    pytest.param(language, code, id=f"{name}:{number}")
    for name in NAMES
    for number, (language, code) in enumerate(
        re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "docs" / name).read_text(), re.DOTALL | re.MULTILINE)
    )
]


@pytest.mark.parametrize(("language", "code"), BLOCKS)
async def test_it_runs(language: str, code: str, module: RunningModule, sandbox: Sandbox, tmp_path: Path) -> None:
    # The sandbox stands in for Discord, and for a proxy that passes everything on.
    code = code.replace("https://discord.com/api/v10", sandbox.base_url)
    code = code.replace("http://localhost:8080/api/v10", sandbox.base_url)
    if language == "sh":
        program_or_skip("curl")
        told = await run_shell(f"BOT_TOKEN={sandbox.options.token}; {code}", module)
        assert told.startswith("{")
        assert '"success":false' not in told
    else:
        assert language == "python"
        script = tmp_path / "block.py"
        script.write_text(placed(code, module))
        secrets = f"BOT_TOKEN={sandbox.options.token} PYTHONPATH={ROOT}"
        told = await run_shell(f"{secrets} {sys.executable} {script}", module)
        assert told.strip()
        assert "rejected" not in told
    assert sandbox.problems() == []

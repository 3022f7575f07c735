"""buf, where it is: `./setup.sh test` installs it with npm. REQUIRE_BUF=1 makes its absence a failure."""

import os
from pathlib import Path

import pytest

from tools.contract import buf_program


def buf_or_skip() -> Path:
    """The program. Without it the test is skipped, or fails where buf is required."""
    program = buf_program()
    if program is None:
        told = "buf is not here (npm installs it in ./setup.sh test)"
        if os.environ.get("REQUIRE_BUF") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return program

"""How a command of `app.py` ends: the exit codes, and why it failed on stderr."""

import sys
from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


def failed(reason: str, status: int = EXIT_FAILED) -> int:
    """Tells the operator, and gives the exit code."""
    sys.stderr.write(f"{reason}\n")
    return status

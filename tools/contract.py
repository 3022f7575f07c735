"""Holds the proto and the OpenAPI document to what callers were promised: `python -m tools.contract --check`.

`contract/` has the promise: both as they were last accepted, at a release. What breaks a caller who was written for
that fails the check; what only adds does not. `--accept` makes what is there now the promise. The proto is linted and
compared by buf (tools/buf), which `./setup.sh test` installs where npm is found; without it this says so and goes on,
with `--require-buf` it fails.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from config import ROOT
from services.rest_api.openapi import openapi_document
from tools.openapi_changes import breaking_changes

FOLDER: Final = ROOT / "contract"
OPENAPI: Final = FOLDER / "openapi.json"
PROTO: Final = FOLDER / "discord_action.json"
BUF_SECONDS: Final = 60


def buf_program() -> Path | None:
    """Finds buf: in this virtual environment, else in PATH."""
    own = Path(sys.prefix) / "buf" / "node_modules" / ".bin" / "buf"
    found = str(own) if own.exists() else shutil.which("buf")
    return Path(found) if found else None


def buf(program: Path, *arguments: str | Path, folder: Path = ROOT) -> list[str]:
    """Runs buf in a folder and gives the lines of what it found wrong."""
    command = [program, *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUF_SECONDS, check=False)
    found = (ran.stdout + ran.stderr).splitlines()
    return found or [f"buf ended with {ran.returncode}"] if ran.returncode else []


def openapi_problems() -> list[str]:
    """Every way the OpenAPI document breaks the promise."""
    return breaking_changes(json.loads(OPENAPI.read_text()), _document())


def proto_problems(program: Path, folder: Path = ROOT) -> list[str]:
    """Every way the proto file of `folder` breaks the promise, or its own rules."""
    return [*buf(program, "lint", folder=folder), *buf(program, "breaking", "--against", PROTO, folder=folder)]


def _document() -> dict[str, Any]:
    return openapi_document("accepted")


def accept(program: Path | None) -> list[str]:
    """Makes what is there now the promise; what hindered it is given back."""
    OPENAPI.write_text(json.dumps(_document(), indent=1, ensure_ascii=False) + "\n")
    if program is None:
        return ["buf is not here: the proto's part is left as it was"]
    problems = buf(program, "build", "--exclude-source-info", "-o", PROTO)
    if not problems:
        PROTO.write_text(json.dumps(json.loads(PROTO.read_text()), indent=1) + "\n")  # on lines, for a review
    return problems


def main() -> int:
    """Checks, or accepts what is there now; 1 when the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true", help="fail for what breaks callers")
    choice.add_argument("--accept", action="store_true", help="make what is there now the promise")
    parser.add_argument("--require-buf", action="store_true", help="fail where buf is not found")
    wanted, program = parser.parse_args(), buf_program()
    if wanted.accept:
        problems = accept(program)
        print(*problems or ["accepted"], sep="\n")
        return 1 if problems else 0
    if program is None:
        print("NOT CHECKED: the proto. buf is not here; with npm, ./setup.sh test installs it.")
    problems = [*openapi_problems(), *(proto_problems(program) if program else [])]
    print(*problems, "the contract is " + ("broken; if it is meant: --accept" if problems else "kept"), sep="\n")
    return 1 if problems or (wanted.require_buf and program is None) else 0


if __name__ == "__main__":
    raise SystemExit(main())

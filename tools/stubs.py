"""Makes the gRPC stubs from the proto file: `python -m tools.stubs --write`, or `--check` that they are current.

The stubs are committed: the service needs no compiler, and a change of the interface shows in a review. The compiler
runs from the repository's root with the folder in the file's name, which is what makes the stubs import `proto.…`.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from config import ROOT

PROTO = "proto/discord_action.proto"
STUBS = (
    "proto/discord_action_pb2.py",
    "proto/discord_action_pb2.pyi",
    "proto/discord_action_pb2_grpc.py",
    "proto/discord_action_pb2_grpc.pyi",
)
COMPILE_SECONDS = 60


def make(folder: Path) -> None:
    """Compiles the proto file into `folder`. Raises CalledProcessError with the compiler's words on stderr."""
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    typings = [f"--mypy_out=readable_stubs,quiet:{folder}", f"--mypy_grpc_out=readable_stubs,quiet:{folder}"]
    plugins = [f"--plugin={name}={_beside_python(name)}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *plugins, *outputs, *typings, PROTO]
    subprocess.run(command, cwd=ROOT, check=True, timeout=COMPILE_SECONDS)


def _beside_python(name: str) -> Path:
    """Finds a program of this virtual environment, whether or not it is activated."""
    return Path(sys.executable).parent / name


def stale() -> list[str]:
    """Lists the committed stubs that differ from what the proto file gives."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        return [name for name in STUBS if _content(ROOT / name) != _content(Path(folder) / name)]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def main() -> int:
    """Writes the stubs, or says which are not current; 1 when one is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help="write the stubs")
    choice.add_argument("--check", action="store_true", help="fail when a stub is not current")
    arguments = parser.parse_args()
    if importlib.util.find_spec("grpc_tools") is None:
        print("the compiler is not installed: pip install --require-hashes -r requirements-dev.txt")
        return 1
    if arguments.write:
        make(ROOT)
        print("stubs written")
        return 0
    names = stale()
    print(f"not current: {', '.join(names)}; python -m tools.stubs --write" if names else "stubs are current")
    return 1 if names else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Builds the images and runs the tests on them: `python -m tests.container [pytest's arguments]`.

podman's containers live in a network of their own, with everything they publish, so the machine's firewall, ports and
names stay as they are. A Docker engine has its own network already.
"""

import os
import sys
import time

from tests.container import PREPARED
from tests.container.engine import EngineFailed, NoEngine, find
from tests.container.workshop import prepare

FENCED = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def main(arguments: list[str]) -> int:
    """Becomes pytest once everything is made; 1 where that fails."""
    began = time.monotonic()
    try:
        engine = find()
        standins = prepare(engine)
    except (NoEngine, EngineFailed) as reason:
        print(reason, file=sys.stderr)
        return 1
    print(f"made everything with {engine.program} in {time.monotonic() - began:.0f} s", flush=True)
    if standins:
        print(f"stand-ins, for no registry is reached: {', '.join(standins)}", flush=True)
    pytest = (sys.executable, "-m", "pytest", "tests/container", *arguments)
    command = (*FENCED, *pytest) if engine.is_podman else pytest
    return os.execvpe(command[0], command, {**os.environ, PREPARED: "1"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

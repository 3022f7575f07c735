"""The container engine of this machine: a Docker that answers, or podman with runc where we are root.

    python -m tests.container.engine     # names it, or says what is missing and exits with 1

podman gets a store and a configuration of its own, so that nothing of the machine's is touched: no systemd, no limits
that it may not set where this machine is a container itself, and runc, which every kind of cgroups suits.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "discord-action-module"
WORKSHOP = CACHE / "containers"
RUNNING_STATE = Path("/run/discord-action-module-containers")
PODMAN_NEEDS = ("podman", "runc", "unshare", "ip", "iptables", "mmdebstrap", "/usr/lib/podman/netavark")

STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{store}"
runroot = "{run}"
"""
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
"""


class NoEngine(Exception):
    """There is none; the text says what is missing."""


class EngineFailed(Exception):
    """A command of the engine failed; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that takes Docker's commands."""

    program: str
    environment: Mapping[str, str] = field(repr=False, default_factory=dict)

    @property
    def is_podman(self) -> bool:
        return self.program == "podman"

    def __call__(self, *arguments: str | Path, timeout_seconds: float = 100, given: str | None = None) -> str:
        """Runs a command to its end and gives what it printed. Raises EngineFailed."""
        command = [self.program, *map(str, arguments)]
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            text=True,
            timeout=timeout_seconds,
            env=self.variables,
            input=given,
        )
        if done.returncode:
            raise EngineFailed(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout.strip()

    def said_by(self, container: str) -> str:
        """Everything a container wrote, to whichever stream."""
        command = [self.program, "logs", container]
        done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60, env=self.variables)
        return done.stdout + done.stderr

    @property
    def variables(self) -> dict[str, str]:
        """The environment its commands run in."""
        return {**os.environ, **self.environment}

    def has(self, *arguments: str) -> bool:
        """Whether a command succeeds."""
        try:
            self(*arguments)
        except (EngineFailed, subprocess.TimeoutExpired):
            return False
        return True

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What the engine knows of an image, a container, a volume."""
        found: dict[str, Any] = json.loads(self(kind, "inspect", name))[0]
        return found


def find() -> Engine:
    """The engine there is. Raises NoEngine."""
    docker = Engine("docker")
    if shutil.which("docker") and docker.has("info"):
        return docker
    if os.geteuid() != 0:
        raise NoEngine("no Docker engine answers; podman would have to be run as root")
    if missing := [each for each in PODMAN_NEEDS if not shutil.which(each)]:
        raise NoEngine(f"no Docker engine answers; for podman there is no {', '.join(missing)} (.ci/run installs them)")
    return _podman()


def _podman() -> Engine:
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    storage, containers = WORKSHOP / "storage.conf", WORKSHOP / "containers.conf"
    storage.write_text(STORAGE_CONF.format(store=WORKSHOP / "store", run=RUNNING_STATE))
    containers.write_text(CONTAINERS_CONF)
    return Engine("podman", {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(containers)})


if __name__ == "__main__":
    try:
        print(find().program)
    except NoEngine as reason:
        print(reason)
        sys.exit(1)

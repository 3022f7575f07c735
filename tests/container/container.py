"""One running container, as a test sees it."""

import json
import time
from dataclasses import dataclass
from typing import Any

from tests.container.engine import Engine, EngineFailed

HARDENED = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--memory", "512m", "--pids-limit", "128"),
)
PATIENCE_SECONDS = 60.0
EXIT_WAIT_SECONDS = 45
SAYS_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Container:
    """Its owner removes it."""

    engine: Engine
    name: str

    @classmethod
    def start(cls, engine: Engine, name: str, image: str, *options: str, command: tuple[str, ...] = ()) -> "Container":
        """Runs an image in the background."""
        # Health is asked by the tests: podman would leave it to systemd, which is not everywhere. And of its own podman
        # lays writable memory over some folders of a read-only root.
        ours = ("--health-interval", "disable", "--read-only-tmpfs=false") if engine.is_podman else ()
        engine("run", "--detach", "--name", name, *ours, *options, image, *command)
        return cls(engine, name)

    def published(self, port: int) -> int:
        """The port of this machine that leads to one of the container's."""
        return int(self.engine("port", self.name, f"{port}/tcp").splitlines()[0].rpartition(":")[2])

    def execute(self, *command: str) -> str:
        """What a program in the container prints. Raises EngineFailed."""
        return self.engine("exec", self.name, *command)

    def python(self, program: str) -> Any:
        """What a few lines of Python in the container print, read as JSON."""
        return json.loads(self.execute("python", "-c", program))

    def is_healthy(self) -> bool:
        """What the image's HEALTHCHECK says: run now, or where Docker runs it, when it last did."""
        if self.engine.is_podman:
            return self.engine.has("healthcheck", "run", self.name)
        return str(self.inspect()["State"]["Health"]["Status"]) == "healthy"

    def becomes_healthy(self) -> "Container":
        """Waits for that, and gives itself. Raises AssertionError with its log."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and self.inspect()["State"]["Running"]:
            if self.is_healthy():
                return self
            time.sleep(0.1)
        raise AssertionError(f"{self.name} is not healthy:\n{self.log()}")

    def inspect(self) -> dict[str, Any]:
        return self.engine.inspect("container", self.name)

    def log(self) -> str:
        """What it wrote."""
        return self.engine.said_by(self.name)

    def line(self, message: str) -> dict[str, Any]:
        """The line of its log with this message, once it is there. Raises AssertionError with the log."""
        until = time.monotonic() + SAYS_WITHIN_SECONDS
        while time.monotonic() < until:
            for line in self.log().splitlines():
                if line.startswith("{") and json.loads(line)["message"] == message:
                    return dict(json.loads(line))
            time.sleep(0.1)
        raise AssertionError(f"{self.name} does not say {message!r}:\n{self.log()}")

    def stop(self, grace_seconds: int = 30) -> int:
        """Sends SIGTERM, kills after the grace, and gives the exit code."""
        self.engine("stop", "--time", str(grace_seconds), self.name, timeout_seconds=grace_seconds + 15)
        return self.exit_code()

    def exit_code(self) -> int:
        """The exit code, once it ended."""
        return int(self.engine("wait", self.name, timeout_seconds=EXIT_WAIT_SECONDS))

    def remove(self) -> None:
        """Ends and forgets it, with its own volumes."""
        try:
            self.engine("rm", "--force", "--volumes", self.name)
        except EngineFailed as failed:
            if "no such container" not in str(failed).lower() and "no container with" not in str(failed).lower():
                raise

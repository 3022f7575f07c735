"""Running server binaries as whoever we are.

PostgreSQL refuses to run as root. As root it is therefore started in a user namespace where it sees itself as an
ordinary user; where those are closed, as `nobody`, who then needs the folder and binaries that everybody can read.
"""

import atexit
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

NOBODY = 65534
UNSHARE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def free_port() -> int:
    """A port of the loopback that nobody listens on, and that nobody else is given as long as this process lives.

    A port that is only looked up is free again at once: while the server it was meant for starts, or is stopped to play
    an outage, a test beside this one may be given it. Linux gives a port that is bound to nobody who asks for any, and
    lets a server listen on it by its number, if both allow the address to be reused, as servers do.
    """
    kept = socket.socket()
    atexit.register(kept.close)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return int(kept.getsockname()[1])


def start_unprivileged(command: Sequence[str | Path], folder: Path) -> subprocess.Popen[bytes]:
    """Starts a program that must not be root, with `folder` as its own; what it says goes to `folder`/server.log."""
    prefix, user = _disguise()
    if user is not None:
        _give(folder, user)
    with (folder / "server.log").open("ab") as said:
        return subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


def run_unprivileged(command: Sequence[str | Path], folder: Path, timeout_seconds: float = 60) -> None:
    """Runs such a program to its end. Raises RuntimeError with the log when it fails or takes too long."""
    with start_unprivileged(command, folder) as process:
        try:
            status = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait(5)
    if status:
        raise RuntimeError(f"{Path(command[0]).name} ended with {status}: {log_of(folder)}")


def log_of(folder: Path) -> str:
    """The end of what the program in `folder` said."""
    return (folder / "server.log").read_text(errors="replace")[-2000:]


def is_running(pid: int) -> bool:
    """Whether there is a process that is more than an unread exit status."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@cache
def _disguise() -> tuple[tuple[str, ...], int | None]:
    """What to put before a command, and the user to run it as."""
    if os.geteuid() != 0:
        return (), None
    if shutil.which("unshare"):
        probe = subprocess.run([*UNSHARE, "true"], capture_output=True, timeout=10, check=False)
        if probe.returncode == 0:
            return UNSHARE, None
    return (), NOBODY


def _give(folder: Path, user: int) -> None:
    """Gives the folder to the user, and lets everybody pass through the test run's own folders above it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)
    for parent in folder.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)

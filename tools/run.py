"""What `./setup.sh run` does once the requirements are there: settings, sandbox, service, where it all is.

`.env` is written when there is none, and left alone when there is one. Without a bot token the sandbox stands in for
Discord, for this run only. The service and the sandbox get sessions of their own, so that Ctrl-C reaches this process
alone, and the service is always stopped before the sandbox it speaks to.
"""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from config import ENV_FILE, ROOT, ConfigurationError, Settings, has_bot_token
from tools import places

SANDBOX_TOKEN = "sandbox-bot-token"  # noqa: S105 -- opens nothing but the sandbox
SANDBOX_LOG = ROOT / "data" / "sandbox.log"
READY_SECONDS = 30.0
STOP_SECONDS = 60.0

ENV_TEXT = """\
# Written by ./setup.sh run. Every variable is explained in .env.example.

# The bot's token, from https://discord.com/developers/applications. While it is empty, ./setup.sh run uses the sandbox
# instead of Discord.
DISCORD_BOT_TOKEN=

# Signs callers' tokens; made for this installation.
MODULE_SECRET_KEY={key}

# One process on one machine; PostgreSQL for more.
DATABASE_URL=sqlite:///data/discord_actions.db

# One line for a person; json for machines.
LOG_FORMAT=text
"""


def main() -> int:
    """Serves until a signal; gives the service's exit code."""
    parser = argparse.ArgumentParser(prog="./setup.sh run", description="Serve, against the sandbox if need be.")
    parser.add_argument("--sandbox-port", type=int, default=8075, help="where the sandbox listens")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # unwinds, so that the sandbox ends too
    try:
        return _run(arguments.sandbox_port)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except ConfigurationError as error:
        print("The configuration cannot be used; mend .env or the environment:", file=sys.stderr)
        print("\n".join(f"  {problem}" for problem in error.problems), file=sys.stderr)
        return 2
    except places.CannotRunError as error:
        print(f"setup.sh: {error}", file=sys.stderr)
        return 1


def _run(sandbox_port: int) -> int:
    write_env_file(ENV_FILE)
    uses_sandbox = not has_bot_token()
    environment = dict(os.environ) | (_sandbox_variables(sandbox_port) if uses_sandbox else {})
    settings = Settings.load(ENV_FILE, environment)
    places.require_free_ports(settings, sandbox_port if uses_sandbox else None)
    if not uses_sandbox:
        return _serve(settings, environment, sandbox_port=None)
    with _sandbox(sandbox_port, places.rest_url(settings.servers)):
        return _serve(settings, environment, sandbox_port)


def write_env_file(path: Path) -> None:
    """Writes settings that work, with a key of its own, readable by its owner alone; leaves a file that exists."""
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(ENV_TEXT.format(key=secrets.token_hex(48)))
    print(f"Wrote {path.name} with a fresh key.", flush=True)


def _sandbox_variables(port: int) -> dict[str, str]:
    return {"DISCORD_BOT_TOKEN": SANDBOX_TOKEN, "DISCORD_API_BASE": f"http://127.0.0.1:{port}/api/v10"}


@contextmanager
def _sandbox(port: int, module_url: str) -> Iterator[None]:
    """Runs the sandbox for the length of the block."""
    print("No bot token is set: starting the sandbox in Discord's place …", flush=True)
    SANDBOX_LOG.parent.mkdir(parents=True, exist_ok=True)
    with SANDBOX_LOG.open("wb") as log:
        command = [sys.executable, "-m", "sandbox", "--port", str(port), "--module-url", module_url]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        if not _comes_true(lambda: places.answers_tcp(port), process):
            raise places.CannotRunError(f"the sandbox did not start; its log is {SANDBOX_LOG}")
        yield
    finally:
        _stop(process)


def _serve(settings: Settings, environment: Mapping[str, str], sandbox_port: int | None) -> int:
    command = [sys.executable, str(ROOT / "app.py")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    with _signals_passed_to(process):
        try:
            if _comes_true(lambda: places.is_ready(settings), process):
                print(places.summary(settings, sandbox_port), flush=True)
            elif process.poll() is None:
                print(f"Not ready after {READY_SECONDS:g} s; still trying. See the log above.", flush=True)
            else:
                print("The service ended before it was ready; its last lines above say why.", file=sys.stderr)
            return process.wait()
        finally:
            _stop(process)


@contextmanager
def _signals_passed_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Turns Ctrl-C and SIGTERM into SIGTERM for the service; the third one ends it at once."""
    received = 0

    def pass_on(_signal: int, _frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        if process.poll() is None:
            process.send_signal(signal.SIGTERM if received < 3 else signal.SIGKILL)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _comes_true(condition: places.Condition, process: subprocess.Popen[bytes]) -> bool:
    """Waits until the condition holds; False when the process ends first, or after READY_SECONDS."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if condition():
            return True
        time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process we started: politely, then not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    raise SystemExit(main())

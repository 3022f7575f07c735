"""Programs under measurement: started here, watched through /proc, ended here, each by its own id."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.load import Result
from bench.serving import LOOP_VARIABLE, UVLOOP
from config import ROOT

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 15.0
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
# In /proc/PID/stat, counted after the name in parentheses: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
USER_TICKS, SYSTEM_TICKS = 11, 12


class Broken(Exception):
    """A program did not start, ended early, or failed calls. The text says which and what it said."""


class Program:
    """One process, ended at the end of the `with`.

    One of ours, without an `environment`, announces its port in its output. What else is said goes to `log`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        loop: str = UVLOOP,
    ) -> None:
        self.name = name
        self._command = [sys.executable, *command]
        self._log = log
        self._announces_port = environment is None
        self._environment = dict(os.environ | {LOOP_VARIABLE: loop} if environment is None else environment)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._announces_port else log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        process = self._running
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()

    @property
    def pid(self) -> int:
        return self._running.pid

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[USER_TICKS]) + int(after_name[SYSTEM_TICKS])) / TICKS_PER_SECOND

    def resident_mib(self) -> float:
        """Memory it holds now."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024

    def read_port(self) -> Self:
        """Waits for the port in its first line of output. Raises Broken."""
        stdout = self._running.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], START_SECONDS)
        line = stdout.readline().strip() if ready else b""
        if not line.isdigit():
            raise self.broken("told no port")
        self.port = int(line)
        return self

    def require_running(self) -> None:
        """Raises Broken when it has ended."""
        if self._running.poll() is not None:
            raise self.broken(f"ended with {self._running.returncode}")

    def broken(self, what: str) -> Broken:
        """The error that says what happened and how the program's log ends."""
        return Broken(f"{self.name} {what}\n{self._log.read_text(errors='replace')[-2000:]}")

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the program is started by its `with`")
        return self._process


class Load:
    """A load under way: `result` waits for its end."""

    def __init__(self, kind: str, target: str, *options: str, loop: str = UVLOOP) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load", kind, target, *options],
            cwd=ROOT,
            env=os.environ | {LOOP_VARIABLE: loop},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def result(self, timeout_seconds: float) -> Result:
        """What it did. Raises Broken when it could not work, or when not one call succeeded."""
        try:
            said, complained = self._process.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise Broken(f"a load did not end within {timeout_seconds:g} s") from None
        if self._process.returncode:
            raise Broken(f"a load failed: {complained.decode(errors='replace')[-2000:]}")
        result = Result(**json.loads(said.splitlines()[-1]))
        if not result.total:
            raise Broken(f"no call succeeded: {result.first_failure}")
        return result

    def kill(self) -> None:
        """Ends it without a result."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def seconds_until(condition: Callable[[], bool], program: Program, limit_seconds: float = START_SECONDS) -> float:
    """How long it took until the condition held, looked at every 5 ms. Raises Broken."""
    began = time.perf_counter()
    while not condition():
        program.require_running()
        if time.perf_counter() - began > limit_seconds:
            raise program.broken(f"was not ready after {limit_seconds:g} s")
        time.sleep(0.005)
    return time.perf_counter() - began

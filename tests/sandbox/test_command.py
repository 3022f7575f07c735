"""`python -m sandbox`."""

import asyncio
import re
import signal
import sys
import urllib.request

import pytest

from sandbox.__main__ import main


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_and_leaves_quietly(number: signal.Signals) -> None:
    command = (sys.executable, "-m", "sandbox", "--port", "0", "--no-limits", "--module-url", "http://localhost:1")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(40):
            line = (await process.stdout.readline()).decode() if process.stdout else ""
            origin = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert origin is not None
            assert f"page at {origin[0]}/," in line
            state = await asyncio.to_thread(_read, origin[0] + "/_sandbox/settings")
            assert '"limits_enabled":false' in state
            assert '"module_url":"http://localhost:1"' in state
            process.send_signal(number)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as response:  # noqa: S310 - loopback
        return str(response.read().decode())


def test_a_taken_port_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "203.0.113.7", "--port", "1"]) == 1
    assert "sandbox:" in capsys.readouterr().err

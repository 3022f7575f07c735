"""What `./setup.sh test` does about a browser, there or not. The script is read without the line that starts it."""

import os
import subprocess
import sys

import pytest

from config import ROOT

SCRIPT = (ROOT / "setup.sh").read_text().removesuffix('main "$@"\n')
STEPS = f"""
step() {{ say "STEP $*"; }}
test_browser {sys.executable}
say 'what follows'
say_unproven
"""


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "REQUIRE_BROWSER"} | variables
    command = ["bash", "-c", SCRIPT + STEPS]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_the_script_ends_with_its_start() -> None:
    assert not SCRIPT.endswith('main "$@"\n')
    assert "test_browser()" in SCRIPT


def test_without_a_browser_it_passes_and_says_last_what_was_not_proven() -> None:
    ended = run(CHROMIUM="/nowhere")
    assert ended.returncode == 0, ended.stderr
    last = ended.stdout.rpartition("what follows")[2]
    assert "NOT PROVEN" in last
    assert "pages in a browser" in last
    assert "STEP" not in ended.stdout


def test_a_required_browser_that_is_missing_is_a_failure() -> None:
    ended = run(CHROMIUM="/nowhere", REQUIRE_BROWSER="1")
    assert ended.returncode == 1
    assert "REQUIRE_BROWSER" in ended.stderr
    assert "what follows" not in ended.stdout


@pytest.mark.parametrize("variables", [{}, {"REQUIRE_BROWSER": "1"}])
def test_with_a_browser_its_tests_run_and_nothing_is_left_unproven(variables: dict[str, str]) -> None:
    ended = run(CHROMIUM="/bin/true", **variables)
    assert ended.returncode == 0, ended.stderr
    assert "-m pytest tests/browser" in ended.stdout
    assert "NOT PROVEN" not in ended.stdout

"""What is printed: a line for each check with its time, and a summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from tools.smoke.answers import Refused, Unreachable, Wrong

INDENT: Final = " " * 23


class Report:
    """Counts and prints as it goes."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def check(self, face: str, title: str, check: Callable[[], str]) -> bool:
        """Runs one check, which says in a sentence what it saw. Whether it passed.

        Raises Unreachable, after it was printed.
        """
        began = time.monotonic()
        try:
            seen = check()
        except (Refused, Unreachable, Wrong) as exc:
            self.failed += 1
            _line("FAIL", time.monotonic() - began, face, title, str(exc))
            if isinstance(exc, Unreachable):
                raise
            return False
        self.passed += 1
        _line("ok", time.monotonic() - began, face, title, seen)
        return True

    def skip(self, face: str, title: str, reason: str) -> None:
        """Says what is not tested, and why."""
        self.skipped += 1
        _line("SKIP", None, face, title, reason)

    def summary(self) -> str:
        """One line."""
        seconds = time.monotonic() - self._began
        skipped = f", {self.skipped} SKIPPED" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped} in {seconds:.1f} s"


def _line(verdict: str, seconds: float | None, face: str, title: str, text: str) -> None:
    took = "" if seconds is None else f"{seconds:.3f} s"
    first, *others = text.splitlines()
    print(f"{verdict:<4} {took:>8}  {face:<4}  {title:<12} {first}", flush=True)
    for line in others:
        print(f"{INDENT}{line}", flush=True)

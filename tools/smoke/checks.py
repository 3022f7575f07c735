"""The checks. Each says in a sentence what it saw, or raises.

They come in an order in which they clean up after each other: what was posted is edited, reacted to and deleted; a role
is given and taken; a member is timed out before being kicked, and kicked before being banned.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from tools.smoke.answers import Face, Fields, Refused, Unreachable, Wrong
from tools.smoke.report import Report
from tools.smoke.rest import RestFace

ORDER: Final = ("health", "message", "embed", "edit", "reaction", "role", "webhook", "delete", "timeout", "kick", "ban")
MODERATION: Final = ("timeout", "kick", "ban")
WEBHOOK_NAME: Final = "smoke test"
TEXT: Final = "Smoke test of the Discord action module. This message goes away by itself."
REASON: Final = "smoke test"
SHORTEST_TIMEOUT_SECONDS: Final = 1


class Checks:
    """The checks of one face. `rest` is where the audit row is read, whichever face acted; None where REST is left out."""

    def __init__(self, face: Face, rest: RestFace | None, options: argparse.Namespace, token: str, report: Report) -> None:
        self._face = face
        self._rest = rest
        self._options = options
        self._token = token
        self._report = report
        self._posted: list[str] = []
        self._is_down = False

    def run(self, test: str) -> None:
        """Runs everything `test` stands for, unless the face was found unreachable."""
        if self._is_down:
            return
        steps: dict[str, Callable[[], None]] = {"health": self._health, "role": self._role, "webhook": self._webhook}
        try:
            if test in steps:
                steps[test]()
            else:
                self._step(test, getattr(self, f"_{test}"))
        except Unreachable:
            self._is_down = True

    def clean_up(self) -> None:
        """Deletes what was posted and is still there."""
        if self._posted and not self._is_down:
            self.run("delete")
        while self._posted and not self._is_down:
            if not self._step("clean up", self._delete_posted):
                return

"""Why nothing can be written to the journal, or soon cannot: said to whoever is refused, and once to the log."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.audit.journal.disk import reason_of
from services.telemetry import get_logger

FULL: Final = "the journal is full: rows have to reach the database first"
CLOSED: Final = "the journal is closed"
OPENING: Final = "the journal is being opened"

log = get_logger(__name__)


class Condition:
    """`problem`: nothing is written. `shortage`: what is allocated still can be. Both are empty while all is well."""

    def __init__(self, root: Path, on_worse: Callable[[], None]) -> None:
        self.problem = CLOSED
        self.shortage = ""
        self._root = root
        self._on_worse = on_worse

    def note_problem(self, exc: OSError) -> None:
        """A record cannot be written or synced."""
        if self.problem in {"", CLOSED, OPENING}:
            log.error("the journal cannot be written", path=str(self._root), reason=reason_of(exc))
        self.problem = f"the journal cannot be written: {reason_of(exc)}"
        self._on_worse()

    def note_shortage(self, exc: OSError) -> None:
        """A further segment cannot be allocated."""
        if not self.shortage:
            log.warning("the journal has no room to grow", path=str(self._root), reason=reason_of(exc))
        self.shortage = f"the journal has no room to grow: {reason_of(exc)}"
        self._on_worse()

    def note_mended(self) -> None:
        """Records are written again."""
        if self.problem not in {CLOSED, OPENING}:
            log.info("the journal is written again")
        self.problem = ""

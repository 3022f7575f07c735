"""What a directory that lost its process still owes the table.

An outcome is a row. An attempt without an outcome may have happened. An intent without an attempt was never sent: that
is certain only where no attempt can be missing, so after damage, and after the machine itself went down, it counts
as one that may have happened. The mark only spares the table rows that it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from services.audit.journal.folder import Folder
from services.audit.journal.frames import ATTEMPT, INTENT, OUTCOME, Damage, Record, records
from services.audit.journal.mark import Position, shipped_to
from services.audit.journal.segment import segments_in
from services.audit.rows import action_id_of, joined, verdict_half
from services.errors import ErrorCode, OutcomeKind
from services.ports import Verdict
from services.redaction import Redactor
from services.telemetry import get_logger

log = get_logger(__name__)

UNKNOWN: Final = Verdict(
    OutcomeKind.UNKNOWN,
    error_code=ErrorCode.OUTCOME_UNKNOWN.slug,
    error_message="The process ended before the outcome was known.",
    attempts=1,
)
NOT_SENT: Final = Verdict(
    OutcomeKind.NOT_SENT,
    error_code=ErrorCode.SHUTTING_DOWN.slug,
    error_message="The process ended before anything was sent.",
)


@dataclass(slots=True)
class _Unfinished:
    intent: bytes
    may_be_sent: bool


class Replay:
    """The rows of one directory, oldest first, read once. `damages` counts the places that could not be read."""

    def __init__(self, folder: Folder) -> None:
        self.damages = 0
        self._folder = folder
        self._unfinished: dict[str, _Unfinished] = {}
        self._shipped_to = shipped_to(folder.path)
        self._is_certain = folder.is_of_this_boot
        self._rows = self._read()

    def take(self, most: int) -> list[bytes]:
        """The next rows; none at the end. Raises OSError."""
        return list(islice(self._rows, most))

    def _read(self) -> Iterator[bytes]:
        torn: Damage | None = None
        for path in segments_in(self._folder.path):
            number = int(path.stem)
            for found in records(path.read_bytes()):
                if torn is not None:
                    self._note_damage(torn, number)
                    torn = None
                if not isinstance(found, Damage):
                    yield from self._row_of(found, number)
                elif found.is_tail:
                    torn = found
                else:
                    self._note_damage(found, number)
        yield from self._rows_of_the_unfinished()

    def _row_of(self, record: Record, number: int) -> Iterator[bytes]:
        if record.kind == INTENT:
            self._note_intent(record.payload)
        elif record.kind == ATTEMPT:
            self._note_attempt(record.payload.decode())
        elif record.kind == OUTCOME:
            self._unfinished.pop(action_id_of(record.payload), None)
            if Position(number, record.end) > self._shipped_to:
                yield record.payload

    def _note_intent(self, intent: bytes) -> None:
        """An action that stays open long is written again; the end may have come before its attempt was, too."""
        action_id = action_id_of(intent)
        before = self._unfinished.get(action_id)
        may_be_sent = before.may_be_sent if before is not None else not self._is_certain
        self._unfinished[action_id] = _Unfinished(intent, may_be_sent)

    def _note_attempt(self, action_id: str) -> None:
        if unfinished := self._unfinished.get(action_id):
            unfinished.may_be_sent = True

    def _note_damage(self, damage: Damage, number: int) -> None:
        """What is lost may have been the attempt of anything that is open here."""
        self.damages += 1
        log.error(
            "the journal is damaged",
            path=str(self._folder.path),
            segment=number,
            offset=damage.start,
            size_bytes=damage.end - damage.start,
        )
        for unfinished in self._unfinished.values():
            unfinished.may_be_sent = True

    def _rows_of_the_unfinished(self) -> Iterator[bytes]:
        redactor = Redactor()  # the verdicts are ours
        unknown, not_sent = verdict_half(UNKNOWN, redactor), verdict_half(NOT_SENT, redactor)
        for unfinished in self._unfinished.values():
            yield joined(unfinished.intent, unknown if unfinished.may_be_sent else not_sent)

"""The headers that say how a request is to be carried out: how long, how often, how urgently.

`Prefer` is read as RFC 7240 (https://www.rfc-editor.org/rfc/rfc7240) writes it; preferences other than `wait` are
ignored, as it asks, and the wait that holds is told in `Preference-Applied`. Reading takes time that grows with the
header's length alone, whatever stands in it: nothing in the pattern can be matched in two ways, and a quotation without
an end reaches to the end of the header.
"""

import re
from typing import Final

from config import DeadlineSettings
from services.errors import Violation
from services.request_conditions import Conditions, Said, Spelling, patience_seconds, read_conditions
from services.rest_api.request import RestRequest

PREFERENCE: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.?)*+(?:"|\Z))++', re.DOTALL)
NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
LONGEST_PREFER: Final = 256
SPELLING: Final = Spelling("rest", "Idempotency-Key", "X-Priority")


def conditions_of(request: RestRequest, deadlines: DeadlineSettings) -> Conditions:
    """Reads the headers, and notes on the request the wait that is applied."""
    prefer, violations = request.sent.get("prefer"), []
    wait_seconds: float | None = None
    if prefer is not None:
        try:
            wait_seconds = _wait_seconds(prefer)
        except ValueError as exc:
            violations.append(Violation(("Prefer",), str(exc)))
    if wait_seconds is not None:
        request.applied_wait_seconds = patience_seconds(wait_seconds, deadlines)
    said = Said(request.each("idempotency-key"), request.each("x-priority"), wait_seconds)
    return read_conditions(said, SPELLING, request.log_scope.request_id, deadlines, violations)


def _wait_seconds(prefer: str) -> float | None:
    """The first `wait` preference. Raises ValueError, in words for the caller, for a header that cannot be used."""
    if len(prefer) > LONGEST_PREFER:
        raise ValueError(f"must be at most {LONGEST_PREFER} characters")
    for preference in PREFERENCE.findall(prefer):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            return _positive(value.strip().strip('"'))
    return None


def _positive(number: str) -> float:
    seconds = float(number) if NUMBER.fullmatch(number) else 0.0
    if seconds <= 0:
        raise ValueError("wait must be a number of seconds, more than 0")
    return seconds

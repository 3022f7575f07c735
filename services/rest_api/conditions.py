"""The headers that say how a request is to be carried out: how long, how often, how urgently.

`Prefer` is read as RFC 7240 (https://www.rfc-editor.org/rfc/rfc7240) writes it; preferences other than `wait` are
ignored, as it asks. A wait beyond what the operator allows is refused, not shortened: a caller who counts on ten
minutes must learn that there are five.
"""

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from config import DeadlineSettings
from services.errors import InvalidArgument, Violation
from services.ports import Request
from services.rest_api.request import RestRequest

IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")
PREFERENCE: Final = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request says beside its action, and what is wrong with how it says it."""

    request: Request
    violations: tuple[Violation, ...] = ()

    def check(self) -> None:
        """Raises InvalidArgument naming every bad header."""
        if self.violations:
            raise InvalidArgument(self.violations)


def read_conditions(request: RestRequest, deadlines: DeadlineSettings) -> Conditions:
    """Reads the headers. A bad one is replaced by what holds without it until `violations` is looked at."""
    sent = request.sent
    key, priority, prefer = sent.get("idempotency-key"), sent.get("x-priority"), sent.get("prefer")
    if key is None and priority is None and prefer is None:
        return Conditions(_request(request, deadlines.default_seconds))
    wait = _wait(prefer)
    bad_wait = tuple(_bad_wait(wait, deadlines.longest_seconds))
    wait_seconds = deadlines.default_seconds if wait is None or bad_wait else float(wait)
    violations = (*_bad_key(key), *_bad_priority(priority), *bad_wait)
    return Conditions(_request(request, wait_seconds, key, is_bulk=priority == "bulk"), violations)


def _request(request: RestRequest, wait_seconds: float, key: str | None = None, *, is_bulk: bool = False) -> Request:
    deadline = time.monotonic() + wait_seconds
    return Request("rest", request.log_scope.request_id, deadline, idempotency_key=key, is_bulk=is_bulk)


def _wait(prefer: str | None) -> str | None:
    """The first `wait` preference, as it was written."""
    for preference in PREFERENCE.findall(prefer or ""):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            return str(value).strip().strip('"')
    return None


def _bad_key(key: str | None) -> Iterator[Violation]:
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        yield Violation(("Idempotency-Key",), "must be 1 to 255 printable ASCII characters")


def _bad_priority(priority: str | None) -> Iterator[Violation]:
    if priority not in {None, "normal", "bulk"}:
        yield Violation(("X-Priority",), "must be normal or bulk")


def _bad_wait(wait: str | None, longest_seconds: float) -> Iterator[Violation]:
    if wait is None:
        return
    seconds = float(wait) if NUMBER.fullmatch(wait) else math.inf
    if not 0 < seconds <= longest_seconds:
        yield Violation(("Prefer",), f"wait must be more than 0 and at most {longest_seconds:g} seconds")

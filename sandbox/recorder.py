"""What the sandbox was sent, and what it answered: a ring, bounded in entries and in bytes."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

from sandbox.errors import violations_of
from sandbox.limits.rules import Scope

FIRST_REFUSAL = 400
MAX_KEPT_BODY_BYTES = 64 * 1024
MAX_KEPT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class RecordedRequest:
    """One request. Header names are lower case; Authorization is only told apart as bot, none or wrong.

    `status` is what was put on the wire (None: the connection ended without an answer); `applied` says
    whether the request changed state, whatever the caller got to see. `body` is None where it was not JSON,
    too long to keep or never read. Of a refusal, `message` is Discord's sentence, `errors` what it found in the form,
    `limited_by` the bucket that was empty, `retry_after` seconds.
    """

    number: int
    method: str
    path: str
    template: str | None
    query: dict[str, str]
    headers: dict[str, str]
    authorization: str
    address: str
    received_monotonic: float
    received_wall: float
    body: Any = None
    body_bytes: int = 0
    status: int | None = None
    code: int | None = None
    applied: bool = False
    message: str | None = None
    errors: list[str] = field(default_factory=list)
    limited: Scope | None = None
    limited_by: str | None = None
    retry_after: float | None = None
    fault: str | None = None
    answered_monotonic: float | None = None
    problems: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def note_answer(self, status: int, payload: Any, answered_monotonic: float) -> None:
        """Keeps how the request was answered; of a refusal, also what was wrong."""
        self.status = status
        self.answered_monotonic = answered_monotonic
        if isinstance(payload, dict):
            self.code = payload.get("code")
            if status >= FIRST_REFUSAL:
                self.message = payload.get("message")
                self.errors = violations_of(payload)
                self.retry_after = payload.get("retry_after")


class Recorder:
    """The last requests, oldest first. `total` counts those that left too."""

    def __init__(self, capacity: int) -> None:
        self._kept: deque[RecordedRequest] = deque()
        self._capacity = capacity
        self._bytes = 0
        self._numbers = count(1)
        self.total = 0

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def newest_first(self) -> Iterator[RecordedRequest]:
        """The kept records; not to be held across a wait."""
        return reversed(self._kept)

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def open(self, **known: Any) -> RecordedRequest:
        """Starts a record when the request line and headers are in."""
        record = RecordedRequest(number=next(self._numbers), **known)
        self._kept.append(record)
        self.total += 1
        self._shorten()
        return record

    def keep_body(self, record: RecordedRequest, body: Any, size: int) -> None:
        record.body_bytes = size
        if size <= MAX_KEPT_BODY_BYTES:
            record.body = body
            self._bytes += size
            self._shorten()

    def _shorten(self) -> None:
        while self._kept and (len(self._kept) > self._capacity or self._bytes > MAX_KEPT_BYTES):
            gone = self._kept.popleft()
            self._bytes = max(0, self._bytes - (gone.body_bytes if gone.body is not None else 0))


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as they are kept: lower-case names, no credentials."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in {"authorization", "cookie"}}
